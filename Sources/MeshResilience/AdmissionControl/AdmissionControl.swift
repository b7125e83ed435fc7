// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Refuses a share of the calls to a peer that fails, so that it recovers; usable alone around any async closure.
///
/// ```swift
/// let control = try AdmissionControl(.envoy, name: "reviews")
/// try await control.run { try await call() }
/// ```
public final class AdmissionControl: Sendable {
    /// How it learns and what it refuses.
    public let configuration: AdmissionControlConfiguration
    /// What it stands on, for observers.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let random: MeshRandom
    private let machine: Mutex<AdmissionControlStateMachine>

    /// Creates a control that has seen nothing.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: AdmissionControlConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock, random: random)
    }

    /// Creates a control of a configuration that was validated at the edge.
    package init(
        validated configuration: AdmissionControlConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.random = random
        self.machine = Mutex(AdmissionControlStateMachine(configuration, at: clock.now))
    }

    /// The share of the calls that is refused now, 0 to 1.
    public var refusalShare: Double {
        let now = clock.now
        return machine.withLock { $0.refusalShare(at: now) }
    }

    /// The moving average of the share of calls that the peer accepted, 0 to 1; `nil` for an algorithm without one.
    public var acceptedShare: Double? {
        machine.withLock { $0.acceptedShare }
    }

    /// Asks whether a call may pass. An admitted call reports its outcome; one that was given up need not.
    /// - Throws: `MeshError` with code `shed`. It is of this process's making, so that no retry policy names it: a
    ///   retry would be refused as well, or be the load that the refusal is to spare the peer.
    /// - Complexity: O(1) on average, one lock; it allocates only to refuse.
    public func admit() throws(MeshError) {
        guard configuration.mode != .disabled else { return }
        let now = clock.now
        let isEnforced = configuration.mode == .enforce
        let random = random
        let isAdmitted = machine.withLock { machine in
            let isAdmitted = machine.callWanted(at: now, using: random)
            if !isAdmitted, isEnforced { machine.callRefused(at: now) }
            return isAdmitted
        }
        if isAdmitted { return }
        observers.policyActed(.admissionControl, name: name, .refused, because: .failures, isEnforced: isEnforced)
        guard isEnforced else { return }
        throw MeshError(
            .shed,
            origin: .local,
            message: "the request was not sent, because its peer fails or refuses too many",
            reason: .failures,
            localReply: LocalReply(status: 503, body: "denied by admission control")
        )
    }

    /// Reports how an admitted call ended.
    public func report(_ outcome: Outcome) {
        guard configuration.mode != .disabled, outcome != .ignored else { return }
        let now = clock.now
        machine.withLock { $0.callEnded(outcome, at: now) }
    }

    /// What a response counts as.
    @usableFromInline
    func outcome(status: Int, grpcStatus: Int?) -> Outcome {
        configuration.criteria.outcome(status: status, grpcStatus: grpcStatus)
    }

    /// Reports an admitted call that threw. One that was cancelled may say so in its own words, and says nothing of the
    /// peer.
    @usableFromInline
    func reportFailure(_ error: any Error) {
        guard !Task.isCancelled else { return }
        report(configuration.criteria.outcome(error: error))
    }

    /// Runs an operation if it is admitted.
    /// - Parameters:
    ///   - outcome: What a returned value counts as. Default: a success. The criteria say what an error is.
    ///   - operation: What is run at most once.
    /// - Throws: `MeshError` with code `shed`; else what the operation throws.
    @inlinable
    public func run<Value>(
        outcome: (Value) -> Outcome = { _ in .success },
        _ operation: () async throws -> Value
    ) async throws -> Value {
        try admit()
        do {
            let value = try await operation()
            report(outcome(value))
            return value
        } catch {
            reportFailure(error)
            throw error
        }
    }
}
