// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Finds the virtual host of an authority in Envoy's order: exact, longest suffix, longest prefix, `*`.
struct DomainIndex: Sendable {
    private var exact = NameTable()
    private var suffixes: [(text: String, host: Int)] = []
    private var prefixes: [(text: String, host: Int)] = []
    private var fallback: Int?

    /// Adds a domain of a virtual host.
    /// - Returns: The virtual host that has the domain already, if one has; the first one keeps it.
    mutating func insert(_ pattern: DomainPattern, host: Int) -> Int? {
        switch pattern {
        case .exact(let name):
            return exact.insert(name, host)
        case .suffix(let suffix):
            if let existing = suffixes.first(where: { $0.text == suffix }) { return existing.host }
            suffixes.append((suffix, host))
        case .prefix(let prefix):
            if let existing = prefixes.first(where: { $0.text == prefix }) { return existing.host }
            prefixes.append((prefix, host))
        case .any:
            if let fallback { return fallback }
            fallback = host
        }
        return nil
    }

    /// Sorts the wildcards so that the longest is asked first. Call it once, after the last insertion.
    mutating func seal() {
        suffixes.sort { $0.text.utf8.count > $1.text.utf8.count }
        prefixes.sort { $0.text.utf8.count > $1.text.utf8.count }
    }

    /// The virtual host of an authority, whose letters may be of either case.
    /// - Complexity: O(1) for exact domains, O(number of wildcards) otherwise.
    func host(of authority: String) -> Int? {
        if let host = exact.value(of: authority) { return host }
        if suffixes.isEmpty, prefixes.isEmpty { return fallback }
        let authority = authority.lowercasedIfNeeded
        let length = authority.utf8.count
        for (suffix, host) in suffixes where length > suffix.utf8.count && authority.hasSuffix(suffix) { return host }
        for (prefix, host) in prefixes where length > prefix.utf8.count && authority.hasPrefix(prefix) { return host }
        return fallback
    }
}

extension String {
    /// The text in lower case; the same string, without a copy, if it has no upper-case ASCII letter.
    fileprivate var lowercasedIfNeeded: String {
        utf8.contains { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") } ? lowercased() : self
    }
}
