// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A circuit breaker's memory and decisions.
///
/// ```
///            rate reached                 openDuration over, a call asks
///  closed ────────────────▶ open ──────────────────────────────────────▶ halfOpen
///    ▲                       ▲                                              │ │
///    │                       └───────────── a probe fails ──────────────────┘ │
///    └──────────────────────── all probes succeed ─────────────────────────────┘
/// ```
/// Every change of state begins a new generation, and a permit carries the one it was given in: a result that comes in
/// late, from an earlier state, changes nothing.
public struct CircuitBreakerStateMachine: Sendable {
    /// The states.
    public enum State: Hashable, Sendable {
        /// Calls pass and are counted.
        case closed
        /// Calls are refused until that instant.
        case open(until: MeshInstant)
        /// Some probes pass.
        case halfOpen
    }

    /// The answer to a call.
    public enum Admission: Hashable, Sendable {
        /// It may pass, and reports its outcome with this permit.
        case admitted(permit: UInt64)
        /// It is refused; after that time it makes sense to ask again.
        case refused(retryAfter: Nanoseconds)
    }

    /// The state.
    public private(set) var state: State = .closed

    private let configuration: CircuitBreakerConfiguration
    private var generation: UInt64 = 1
    private var window: OutcomeWindow
    private var probesOut = 0
    private var probesSucceeded = 0

    /// Creates a closed breaker.
    public init(_ configuration: CircuitBreakerConfiguration) {
        self.configuration = configuration
        self.window = OutcomeWindow(length: configuration.window)
    }

    /// A call wants to pass.
    public mutating func callWanted(at now: MeshInstant) -> Admission {
        switch state {
        case .closed:
            return .admitted(permit: generation)
        case .open(let until):
            guard now >= until else { return .refused(retryAfter: until.elapsed(since: now)) }
            enter(.halfOpen)
            probesOut = 1
            return .admitted(permit: generation)
        case .halfOpen:
            guard probesOut + probesSucceeded < configuration.probes else { return .refused(retryAfter: .zero) }
            probesOut += 1
            return .admitted(permit: generation)
        }
    }

    /// A call that was admitted has ended.
    public mutating func callEnded(_ outcome: Outcome, permit: UInt64, at now: MeshInstant) {
        guard permit == generation else { return }
        switch state {
        case .closed:
            guard outcome != .ignored else { return }
            window.add(outcome, at: now)
            // A success never opens it, so that only a failure pays for the sum.
            guard outcome == .failure else { return }
            let counts = window.counts(at: now)
            guard counts.total >= configuration.minimumCalls else { return }
            if Double(counts.failures) >= configuration.failureRate * Double(counts.total) { open(at: now) }
        case .halfOpen:
            probesOut -= 1
            switch outcome {
            case .ignored: break
            case .failure: open(at: now)
            case .success:
                probesSucceeded += 1
                if probesSucceeded >= configuration.probes { enter(.closed) }
            }
        case .open:
            break
        }
    }

    private mutating func open(at now: MeshInstant) {
        enter(.open(until: now.advanced(by: configuration.openDuration)))
    }

    private mutating func enter(_ next: State) {
        state = next
        generation += 1
        probesOut = 0
        probesSucceeded = 0
        window = OutcomeWindow(length: configuration.window)
    }
}
