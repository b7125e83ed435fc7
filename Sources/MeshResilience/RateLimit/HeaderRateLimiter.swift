// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Limits requests by the value of a header field.
public final class HeaderRateLimiter: Sendable {
    /// The field and the limit.
    public let configuration: HeaderRateLimitConfiguration
    /// What keeps the values apart.
    public let limiter: KeyedRateLimiter<String>

    /// Creates a limiter.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: HeaderRateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock)
    }

    /// Creates a limiter of a configuration that was validated at the edge.
    package init(
        validated configuration: HeaderRateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) {
        self.configuration = configuration
        self.limiter = KeyedRateLimiter(
            validated: configuration.keyed,
            name: name,
            observers: observers,
            clock: clock
        )
    }

    /// What it stands on, for observers.
    public var name: String { limiter.name }

    /// Takes a permit of the request's key, and waits for it as long as the configuration and the deadline let it.
    /// - Throws: `MeshError` with code `rateLimited`; `CancellationError`.
    @inlinable
    public func acquire(for request: some RequestHead, until deadline: Deadline) async throws {
        guard let key = request.value(of: configuration.header) else { return }
        if limiter.waits {
            try await limiter.acquireWaiting(for: key, until: deadline)
        } else {
            try limiter.acquire(forText: key)
        }
    }
}
