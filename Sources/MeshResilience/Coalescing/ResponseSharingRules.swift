// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which requests have the same answer, and which answers may be given to more than the one who asked (RFC 9111 §3, §4).
///
/// Only plain reads share: `GET` and `HEAD`, but none for a stream of events, which does not end. A request that carries
/// an identity (`authorization`, `proxy-authorization`, `cookie`), a range, a condition or a `cache-control` shares nothing,
/// unless that field is one of `keyHeaders`: then it shares with requests that carry the same. An answer with `set-cookie`,
/// with `no-store`, `no-cache` or `private` in its `cache-control`, or with a `vary` that names a field which those who
/// share may differ in, is for the one who asked.
public struct ResponseSharingRules: Hashable, Sendable {
    /// The request's fields that an answer may depend on; requests that differ in one of them share nothing. At most 32.
    ///
    /// Default `accept`, `accept-encoding`, `accept-language`: what RFC 9110 §12.5 lets servers choose by. To share among
    /// the requests of one identity, add `authorization`.
    public var keyHeaders: [HeaderName]
    /// The largest body that is held for others, in bytes, 1 to 1 GiB; a larger one goes to the one who asked.
    ///
    /// Default 512 KiB: Squid's `maximum_object_size_in_memory`.
    public var maximumBytes: Int

    /// Creates rules.
    public init(
        keyHeaders: [HeaderName] = ["accept", "accept-encoding", "accept-language"],
        maximumBytes: Int = 512 << 10
    ) {
        self.keyHeaders = keyHeaders
        self.maximumBytes = maximumBytes
    }

    /// The default rules.
    public static let standard = ResponseSharingRules()

    /// Every value in force.
    public var settings: [PolicySetting] {
        let standard = Self.standard
        return [
            PolicySetting(
                "keyHeaders",
                keyHeaders.map(\.lowercased).joined(separator: " "),
                default: standard.keyHeaders.map(\.lowercased).joined(separator: " "),
                from: "RFC 9110 §12.5"
            ),
            PolicySetting(
                "maximumBytes",
                maximumBytes,
                default: standard.maximumBytes,
                from: "Squid maximum_object_size_in_memory"
            ),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(keyHeaders.count <= 32, "keyHeaders", "must be at most 32, are \(keyHeaders.count)")
        for (number, name) in keyHeaders.enumerated() where !name.isValid {
            problems.note("keyHeaders[\(number)]", "must be a header's name, is \"\(name)\"")
        }
        problems.require(
            (1...1 << 30).contains(maximumBytes),
            "maximumBytes",
            "must be from 1 to 1073741824, is \(maximumBytes)"
        )
        try problems.throwIfAny()
    }

    /// What requests with the same answer have in common; `nil` for a request that shares nothing.
    /// - Complexity: O(fields); allocates the text.
    public func key(of request: some RequestHead) -> String? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        if let accepted = request.value(of: "accept"), accepted.contains("text/event-stream") { return nil }
        for name in Self.personal where !keyHeaders.contains(name) && request.value(of: name) != nil { return nil }
        // The fields are joined by a character that stands in none of them.
        var key = "\(request.method)\n\(request.scheme ?? "")\n\(request.authority ?? "")\n\(request.path)"
        for name in keyHeaders { key += "\n\(request.value(of: name) ?? "")" }
        return key
    }

    /// Whether a response may be given to others who ask for the same at the same time.
    public func isForOthers(_ response: some ResponseHead) -> Bool {
        guard response.value(of: "set-cookie") == nil else { return false }
        for directive in Self.list(response.value(of: "cache-control"))
        where Self.forbidding.contains(where: { directive.hasPrefix($0) }) {
            return false
        }
        return Self.list(response.value(of: "vary")).allSatisfy { name in
            // `*` is a name's character, and in `vary` it means what no request says (RFC 9110 §12.5.5). A personal field
            // that is not in the key is absent from every request that shares.
            name != "*" && (keyHeaders + Self.personal).contains { $0.lowercased == name }
        }
    }

    /// Whether a response may be kept for those who ask later: status 200, and for others. Its lifetime is the cache's.
    public func isForEverybody(_ response: some ResponseHead) -> Bool {
        response.statusCode == 200 && isForOthers(response)
    }

    private static let personal: [HeaderName] = [
        "authorization", "proxy-authorization", "cookie", "range", "if-match", "if-none-match", "if-modified-since",
        "if-unmodified-since", "if-range", "cache-control",
    ]
    private static let forbidding = ["no-store", "no-cache", "private"]

    /// The members of a list field, in lower case.
    private static func list(_ value: String?) -> [String] {
        guard let value else { return [] }
        return value.lowercased().split(separator: ",").compactMap { member in
            let start = member.drop { $0 == " " || $0 == "\t" }
            let name = start.prefix { $0 != " " && $0 != "\t" }
            return name.isEmpty ? nil : String(name)
        }
    }
}
