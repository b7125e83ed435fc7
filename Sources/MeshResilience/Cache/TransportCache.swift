// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Answers requests from memory. The policy of a `ResponseCacheLayer`.
///
/// Requests that miss together share one, which has the first caller's context but nobody's deadline; see
/// `TransportCoalescing`.
public final class TransportCache<Request: Sendable, Response: Sendable>: Sendable {
    let sharing: ResponseSharing<Request, Response>
    let responses: ResponseCache<String, SharedAnswer<Response>>
    let unshared: UnsharedKeys
    let isCacheable: @Sendable (Response) -> Bool
    /// What the policy would have in memory if it did more than observe: whether a response would have been kept, and never
    /// the response, whose body only its one reader may have.
    let shadow: ResponseCache<String, Bool>

    /// What is kept.
    public var configuration: ResponseCacheConfiguration { responses.configuration }
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public var name: String { responses.name }
    /// How many responses are kept.
    public var count: Int { responses.count }

    /// Creates an empty cache.
    /// - Parameters:
    ///   - cost: What keeping a response costs (bytes, say). By default 1.
    ///   - isCacheable: Which responses are kept; see `ResponseSharing.isForEverybody`.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: ResponseCacheConfiguration,
        sharing: ResponseSharing<Request, Response>,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        cost: @escaping @Sendable (Response) -> Int = { _ in 1 },
        isCacheable: @escaping @Sendable (Response) -> Bool
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            validated: configuration,
            sharing: sharing,
            name: name,
            observers: observers,
            clock: clock,
            cost: cost,
            isCacheable: isCacheable
        )
    }

    /// Creates a cache from a configuration that was validated at the edge.
    package init(
        validated configuration: ResponseCacheConfiguration,
        sharing: ResponseSharing<Request, Response>,
        name: String,
        observers: ObserverSet,
        clock: any MeshClock,
        cost: @escaping @Sendable (Response) -> Int,
        isCacheable: @escaping @Sendable (Response) -> Bool
    ) {
        self.sharing = sharing
        self.unshared = UnsharedKeys(clock)
        self.isCacheable = isCacheable
        self.responses = ResponseCache(
            validated: configuration,
            name: name,
            observers: observers,
            clock: clock,
            cost: { cost($0.response) },
            isCacheable: { $0.isForOthers && isCacheable($0.response) },
            // A response that has grown too large to be held is a new one, and no failure.
            isFailure: { !CollectedExchange.isTooLarge($0) }
        )
        self.shadow = ResponseCache(
            validated: configuration,
            name: name,
            observers: observers,
            clock: clock,
            cost: { _ in 1 },
            isCacheable: { $0 }
        )
    }

    /// Forgets every response, and keeps none that was asked for before.
    public func invalidateAll() {
        responses.invalidateAll()
        shadow.invalidateAll()
    }
}
