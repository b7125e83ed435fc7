// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which requests are equal, and how a response becomes one that several callers can read: what an adapter knows and
/// coalescing and caches of requests need.
public struct ResponseSharing<Request: Sendable, Response: Sendable>: Sendable {
    let key: @Sendable (Request) -> String?
    let isForOthers: @Sendable (Response) -> Bool
    let collect: @Sendable (Response) async throws -> Response

    /// Creates a way to share.
    /// - Parameters:
    ///   - key: Equal for requests that may have the same answer; `nil` for one that shares nothing. Whatever the answer
    ///     depends on belongs in it, who asks above all.
    ///   - isForOthers: Whether a response may go to others than the one whose request it answers; those send their own
    ///     if not. By default every response may.
    ///   - collect: Reads a response's body to its end and gives a response that holds it. It is handed to every caller, so
    ///     it must be readable more than once. A `MeshError` with code `responseTooLarge` says that a response is none to
    ///     be held: every caller then sends its own request, and reads its answer as it comes.
    public init(
        key: @escaping @Sendable (Request) -> String?,
        isForOthers: @escaping @Sendable (Response) -> Bool = { _ in true },
        collect: @escaping @Sendable (Response) async throws -> Response
    ) {
        self.key = key
        self.isForOthers = isForOthers
        self.collect = collect
    }
}

extension ResponseSharing where Request: RequestHead, Response: ResponseHead {
    /// Shares the answers of plain reads, as far as the rules let them be shared.
    public static func reads(
        by rules: ResponseSharingRules = .standard,
        collect: @escaping @Sendable (Response) async throws -> Response
    ) -> ResponseSharing {
        ResponseSharing(key: { rules.key(of: $0) }, isForOthers: { rules.isForOthers($0) }, collect: collect)
    }
}

extension ResponseSharing where Response: ResponseHead {
    /// Whether a response may be kept for others, by the standard rules.
    public static func isForEverybody(_ response: Response) -> Bool {
        ResponseSharingRules.standard.isForEverybody(response)
    }
}
