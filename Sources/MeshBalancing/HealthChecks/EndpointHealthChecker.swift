// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// What active checks know of one endpoint: the driver of `HealthCheckStateMachine`.
///
/// It outlives configurations that leave the endpoint's address and its check alone. Whoever balances reads it with one
/// atomic load.
public final class EndpointHealthChecker: Sendable {
    private struct State {
        var machine: HealthCheckStateMachine
        var lastFailure: HealthProbeResult.Failure?
    }

    /// How the endpoint is asked.
    public let check: HealthCheck
    /// What of that is the endpoint's own.
    public let target: HealthCheckTarget
    private let state: Mutex<State>
    private let health: Atomic<UInt8>
    private let healthySinceNanoseconds: Atomic<UInt64>
    private let signal: ClusterSignal?

    /// Creates a checker for an endpoint that was not asked yet.
    /// - Parameters:
    ///   - isTrusted: Whether it counts as healthy until a probe says otherwise: for want of somebody who asks.
    ///   - signal: Who hears when its health changes.
    public init(_ check: HealthCheck, of target: HealthCheckTarget, isTrusted: Bool, signal: ClusterSignal?) {
        let health: ActiveHealth =
            isTrusted ? [] : check.ignoresNewEndpoints ? [.failed, .pending] : .failed
        self.check = check
        self.target = target
        self.state = Mutex(State(machine: HealthCheckStateMachine(check, health: health)))
        self.health = Atomic(health.rawValue)
        self.healthySinceNanoseconds = Atomic(0)
        self.signal = signal
    }

    /// Creates a checker for an endpoint that is used already, and is now asked in another way: it counts as what it was
    /// until the first probe has ended. Envoy lets the cluster of before serve for that time.
    /// - Parameter previous: What was known of it; `nil` if nobody has asked.
    public init(
        _ check: HealthCheck,
        of target: HealthCheckTarget,
        succeeding previous: EndpointHealthChecker?,
        signal: ClusterSignal?
    ) {
        let health = previous?.activeHealth ?? []
        self.check = check
        self.target = target
        self.state = Mutex(State(machine: HealthCheckStateMachine(check, health: health)))
        self.health = Atomic(health.rawValue)
        self.healthySinceNanoseconds = Atomic(previous?.healthySince.nanoseconds ?? 0)
        self.signal = signal
    }

    /// What is held against the endpoint.
    public var activeHealth: ActiveHealth {
        ActiveHealth(rawValue: health.load(ordering: .relaxed))
    }

    /// Since when the endpoint is healthy after a check has found it otherwise; 0 if none has.
    public var healthySince: MeshInstant {
        MeshInstant(nanoseconds: healthySinceNanoseconds.load(ordering: .relaxed))
    }

    /// Whether a probe has ended.
    public var isChecked: Bool { state.withLock { $0.machine.isChecked } }

    /// Why the last probe failed; `nil` if it did not.
    public var lastFailure: HealthProbeResult.Failure? { state.withLock { $0.lastFailure } }

    /// When the first probe is due.
    public func firstProbe(at now: MeshInstant, random: MeshRandom) -> MeshInstant {
        state.withLock { $0.machine.firstProbe(at: now, random: { random.next() }) }
    }

    /// A probe has ended.
    /// - Parameter hasTraffic: Whether a request was ever sent to the cluster.
    public func probeEnded(
        _ result: HealthProbeResult,
        at now: MeshInstant,
        hasTraffic: Bool,
        random: MeshRandom
    ) -> HealthCheckStateMachine.Action {
        let (action, isFirst) = state.withLock { state in
            let isFirst = !state.machine.isChecked
            if case .failed(let failure) = result { state.lastFailure = failure } else { state.lastFailure = nil }
            let action = state.machine.probeEnded(
                result,
                at: now,
                hasTraffic: hasTraffic,
                random: { random.next() }
            )
            publish(state.machine.health, at: now)
            return (action, isFirst)
        }
        // With the first result nobody waits for one any more, whatever it is.
        if action.transition == .changed || isFirst { signal?.healthChanged() }
        return action
    }

    /// The answer to a request of the application said that no more should come.
    /// - Returns: Whether that is news.
    public func refusedTraffic() -> Bool {
        let isNews = state.withLock { state in
            let transition = state.machine.refusedTraffic()
            guard transition == .changed else { return false }
            state.lastFailure = .init(.traffic, "an answer to a request asked for it", excludes: true)
            publish(state.machine.health, at: nil)
            return true
        }
        if isNews { signal?.healthChanged() }
        return isNews
    }

    /// There is nobody who could ask: nothing is held against the endpoint any more.
    public func presumeHealthy() {
        let isNews = state.withLock { state in
            let before = state.machine.health
            state.machine = HealthCheckStateMachine(check, health: [])
            state.lastFailure = nil
            publish([], at: nil)
            return !before.isEmpty
        }
        if isNews { signal?.healthChanged() }
    }

    /// Under the lock, so that of two results the later one stands.
    private func publish(_ health: ActiveHealth, at now: MeshInstant?) {
        let before = ActiveHealth(rawValue: self.health.exchange(health.rawValue, ordering: .relaxed))
        if let now, before.contains(.failed), !health.contains(.failed) {
            healthySinceNanoseconds.store(now.nanoseconds, ordering: .relaxed)
        }
    }
}

/// Where probes of an endpoint go, if not where its requests go, and under which name
/// (`envoy.config.endpoint.v3.Endpoint.HealthCheckConfig`).
public struct HealthCheckTarget: Hashable, Sendable {
    /// Where they go.
    public var address: EndpointAddress
    /// The authority; empty for what the check says.
    public var hostname: String

    /// Creates a target.
    public init(address: EndpointAddress, hostname: String = "") {
        self.address = address
        self.hostname = hostname
    }
}
