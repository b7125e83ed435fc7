// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Makes one request of equal requests that overlap. The policy of a `CoalescingLayer`.
///
/// The request that is sent belongs to everybody who waits for it: it has the first caller's context but nobody's deadline.
/// Each caller keeps its own deadline, and when the last one has left the request is cancelled. An answer that is for one
/// caller alone, or too large to be held, makes the others send their own; and for a while nobody waits for such a one.
public final class TransportCoalescing<Request: Sendable, Response: Sendable>: Sendable {
    let sharing: ResponseSharing<Request, Response>
    let flights: Coalescing<String, SharedAnswer<Response>>
    let unshared: UnsharedKeys

    /// Whether it acts.
    public var configuration: CoalescingConfiguration { flights.configuration }
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public var name: String { flights.name }
    /// How many requests are under way for those who wait.
    public var requests: Int { flights.flights }

    /// Creates a coalescing under which nothing is under way.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: CoalescingConfiguration = CoalescingConfiguration(),
        sharing: ResponseSharing<Request, Response>,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        timers: TimerWheel? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            validated: configuration,
            sharing: sharing,
            name: name,
            observers: observers,
            timers: timers ?? .serving(clock)
        )
    }

    /// Creates a coalescing from a configuration that was validated at the edge.
    package init(
        validated configuration: CoalescingConfiguration,
        sharing: ResponseSharing<Request, Response>,
        name: String,
        observers: ObserverSet,
        timers: TimerWheel
    ) {
        self.sharing = sharing
        self.unshared = UnsharedKeys(timers.clock)
        self.flights = Coalescing(validated: configuration, name: name, observers: observers, timers: timers)
    }
}
