// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Finds the virtual host of an authority in Envoy's order: exact, longest suffix, longest prefix, `*`.
struct DomainIndex: Sendable {
    /// Wildcards of one length, by what is left of them without their star.
    private struct Wildcards {
        let length: Int
        var hosts: NameTable
    }

    private var exact = NameTable()
    /// Longest first.
    private var suffixes: [Wildcards] = []
    private var prefixes: [Wildcards] = []
    private var fallback: Int?
    private let ignoresPort: Bool

    init(ignoresPort: Bool = false) {
        self.ignoresPort = ignoresPort
    }

    /// Adds a domain of a virtual host.
    /// - Returns: The virtual host that has the domain already, if one has; the first one keeps it.
    mutating func insert(_ pattern: DomainPattern, host: Int) -> Int? {
        switch pattern {
        case .exact(let name): return exact.insert(name, host)
        case .suffix(let suffix): return Self.insert(suffix, host, in: &suffixes)
        case .prefix(let prefix): return Self.insert(prefix, host, in: &prefixes)
        case .any:
            if let fallback { return fallback }
            fallback = host
            return nil
        }
    }

    private static func insert(_ text: String, _ host: Int, in wildcards: inout [Wildcards]) -> Int? {
        let length = text.utf8.count
        if let position = wildcards.firstIndex(where: { $0.length == length }) {
            return wildcards[position].hosts.insert(text, host)
        }
        var hosts = NameTable()
        _ = hosts.insert(text, host)
        wildcards.insert(
            Wildcards(length: length, hosts: hosts),
            at: wildcards.firstIndex { $0.length < length } ?? wildcards.endIndex
        )
        return nil
    }

    /// The virtual host of an authority, whose letters may be of either case.
    /// - Complexity: O(length of the authority) for exact domains; for others once for each length of wildcards.
    @inline(__always)
    func host(of authority: String) -> Int? {
        if !ignoresPort {
            if let host = exact.value(of: authority) { return host }
            if suffixes.isEmpty, prefixes.isEmpty { return fallback }
        }
        return wildcardHost(of: authority)
    }

    private func wildcardHost(of authority: String) -> Int? {
        var authority = authority
        return authority.withUTF8 { bytes in
            var name = bytes
            if ignoresPort {
                name = UnsafeBufferPointer(rebasing: bytes[..<Self.lengthWithoutPort(bytes)])
                if let host = exact.value(of: name) { return host }
            }
            // A star stands for one character at least.
            for wildcards in suffixes where wildcards.length < name.count {
                let suffix = UnsafeBufferPointer(rebasing: name[(name.count - wildcards.length)...])
                if let host = wildcards.hosts.value(of: suffix) { return host }
            }
            for wildcards in prefixes where wildcards.length < name.count {
                let prefix = UnsafeBufferPointer(rebasing: name[..<wildcards.length])
                if let host = wildcards.hosts.value(of: prefix) { return host }
            }
            return fallback
        }
    }

    /// How early a pattern is asked for an authority, the earlier the higher; negative if it does not serve it.
    func rank(of pattern: DomainPattern, for authority: String) -> Int {
        var bytes = authority.utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        if ignoresPort { bytes.removeLast(bytes.count - bytes.withUnsafeBufferPointer(Self.lengthWithoutPort)) }
        return switch pattern {
        case .exact(let name): name.utf8.elementsEqual(bytes) ? .max : -1
        case .suffix(let suffix):
            suffix.utf8.count < bytes.count && bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
                ? .max / 2 + suffix.utf8.count : -1
        case .prefix(let prefix):
            prefix.utf8.count < bytes.count && bytes.starts(with: prefix.utf8) ? 1 + prefix.utf8.count : -1
        case .any: 0
        }
    }

    /// Where the port begins with its colon; the colons of an IPv6 address stand before its closing bracket.
    private static func lengthWithoutPort(_ authority: UnsafeBufferPointer<UInt8>) -> Int {
        let mark = authority.lastIndex { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "]") }
        guard let mark, authority[mark] == UInt8(ascii: ":") else { return authority.count }
        return mark
    }
}
