// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which requests are equal, and how a response becomes one that several callers can read: what an adapter knows and
/// coalescing and caches of requests need.
public struct ResponseSharing<Request: Sendable, Response: Sendable>: Sendable {
    let key: @Sendable (Request) -> String?
    let collect: @Sendable (Response) async throws -> Response

    /// Creates a way to share.
    /// - Parameters:
    ///   - key: Equal for requests that may have the same answer; `nil` for one that shares nothing. Whatever the answer
    ///     depends on belongs in it, who asks above all.
    ///   - collect: Reads a response's body to its end and gives a response that holds it. It is handed to every caller, so
    ///     it must be readable more than once.
    public init(
        key: @escaping @Sendable (Request) -> String?,
        collect: @escaping @Sendable (Response) async throws -> Response
    ) {
        self.key = key
        self.collect = collect
    }
}

extension ResponseSharing where Request: RequestHead {
    /// Shares the answers of plain reads: `GET` and `HEAD` for the same target and the same `accept` fields. A request that
    /// carries an identity, a range or a condition shares nothing.
    public static func reads(
        collect: @escaping @Sendable (Response) async throws -> Response
    ) -> ResponseSharing {
        ResponseSharing(key: { plainReadKey($0) }, collect: collect)
    }

    private static func plainReadKey(_ request: Request) -> String? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        guard SharingHeaders.personal.allSatisfy({ request.value(of: $0) == nil }) else { return nil }
        // The fields are joined by a character that stands in none of them.
        var key = "\(request.method)\n\(request.scheme ?? "")\n\(request.authority ?? "")\n\(request.path)"
        for name in SharingHeaders.varying { key += "\n\(request.value(of: name) ?? "")" }
        return key
    }
}

extension ResponseSharing where Response: ResponseHead {
    /// Whether a response may be kept for others: status 200, and neither it nor its `cache-control` or `vary` says that it
    /// is for one caller (RFC 9111 §3). Its lifetime is the cache's.
    public static func isForEverybody(_ response: Response) -> Bool {
        guard response.statusCode == 200, response.value(of: "set-cookie") == nil else { return false }
        let directives = SharingHeaders.list(response.value(of: "cache-control"))
        guard
            directives.allSatisfy({ !$0.hasPrefix("no-store") && !$0.hasPrefix("no-cache") && !$0.hasPrefix("private") }
            )
        else { return false }
        let varying = Set(SharingHeaders.varying.map(\.lowercased))
        return SharingHeaders.list(response.value(of: "vary")).allSatisfy { varying.contains($0) }
    }
}

/// The fields that decide what may be shared.
private enum SharingHeaders {
    static let personal: [HeaderName] = [
        "authorization", "cookie", "range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since",
        "cache-control",
    ]
    static let varying: [HeaderName] = ["accept", "accept-encoding", "accept-language"]

    /// The members of a list field, in lower case.
    static func list(_ value: String?) -> [String] {
        (value ?? "").lowercased().split(separator: ",").map { member in
            let start = member.drop { $0 == " " || $0 == "\t" }
            return String(start.prefix { $0 != " " && $0 != "\t" })
        }.filter { !$0.isEmpty }
    }
}
