// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How the responses of a client are held in memory and given to several callers: what an adapter has to say so that a
/// response cache and coalescing act on its requests.
///
/// Both need a response that can be read more than once, by several tasks at a time, after its exchange has ended. What a
/// body is only the adapter knows; which responses may be shared is decided from their heads, for every adapter alike
/// (`ResponseSharingRules`).
public struct ResponseReplay<Request: RequestHead, Response: ResponseHead>: Sendable {
    /// Whether responses are shared in a stack with attempt middleware, too.
    ///
    /// Default `false`. Such middleware stands below the response cache and the coalescing: what it adds to a request, an
    /// identity say, is no part of what requests are compared by, and one caller could get what another may see. Say `true`
    /// where it adds the same to all of the client's requests, or nothing that an answer depends on.
    public var allowsAttemptMiddleware: Bool
    let isBare: @Sendable (Request) -> Bool
    let collect: @Sendable (Response, Int) async throws -> Response
    let bytes: @Sendable (Response) -> Int

    /// Says how responses are held.
    /// - Parameters:
    ///   - isBare: Whether a request has no body. One that has a body shares nothing: its body is no part of what requests
    ///     are compared by. By default none has.
    ///   - allowsAttemptMiddleware: Whether responses are shared in a stack with attempt middleware, too; see the property.
    ///   - bytes: How many bytes a collected response holds.
    ///   - collect: Reads a response's body to its end, at most that many bytes, and gives a response that holds it with
    ///     its trailers. Throws `MeshError` with code `responseTooLarge` where there are more, as soon as it knows; what
    ///     reading throws. It runs in a task of its own, at most once for each response.
    public init(
        isBare: @escaping @Sendable (Request) -> Bool = { _ in true },
        allowsAttemptMiddleware: Bool = false,
        bytes: @escaping @Sendable (Response) -> Int,
        collect: @escaping @Sendable (_ response: Response, _ maximumBytes: Int) async throws -> Response
    ) {
        self.isBare = isBare
        self.allowsAttemptMiddleware = allowsAttemptMiddleware
        self.bytes = bytes
        self.collect = collect
    }
}
