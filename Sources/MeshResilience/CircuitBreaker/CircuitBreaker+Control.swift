// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What an operator reads from it and does to it.
extension CircuitBreaker {
    /// A step that the states do not allow.
    public struct IllegalTransition: Error, Hashable, Sendable, CustomStringConvertible {
        /// The state that it is in.
        public var from: CircuitBreakerStateMachine.State

        /// For people.
        public var description: String { "a circuit breaker that is \(from) cannot become half open" }
    }

    /// The state.
    public var state: CircuitBreakerStateMachine.State {
        let now = configuration.isHalfOpenAutomatic ? clock.now : nil
        return control { machine, random in
            if let now { machine.timePassed(at: now, using: random) }
            return machine.state
        }
    }

    /// Whether it acts on what it decides; the configuration's until somebody changes it.
    public var mode: PolicyMode { control { machine, _ in machine.mode } }

    /// What it has counted, as of now.
    public var metrics: CircuitBreakerMetrics { metrics(at: clock.now) }

    /// What it has counted.
    public func metrics(at now: MeshInstant) -> CircuitBreakerMetrics {
        control { machine, random in
            if self.configuration.isHalfOpenAutomatic { machine.timePassed(at: now, using: random) }
            return machine.metrics(at: now)
        }
    }

    /// Holds it open or closed, whatever happens, until somebody lets it go (`[]`); both at once hold it open.
    ///
    /// Polly calls `.open` isolated, resilience4j `FORCED_OPEN`. Calls under way count no longer.
    public func force(_ forcing: CircuitBreakerStateMachine.Forcing) {
        let now = clock.now
        control { machine, _ in machine.forcingChanged(to: forcing, at: now) }
    }

    /// Opens it for its usual time, or for that one; then it probes as ever.
    public func open(for duration: Nanoseconds? = nil) {
        let now = clock.now
        control { machine, random in machine.openingWanted(for: duration, at: now, using: random) }
    }

    /// Closes it. Nothing happens if it is closed.
    public func close() {
        let now = clock.now
        control { machine, _ in machine.closingWanted(at: now) }
    }

    /// Lets probes through without waiting any longer.
    /// - Throws: `IllegalTransition` if it is closed.
    public func halfOpen() throws(IllegalTransition) {
        let now = clock.now
        let refused = control { machine, _ in machine.probingWanted(at: now) ? nil : machine.state }
        if let refused { throw IllegalTransition(from: refused) }
    }

    /// Closes it and forgets everything, what it is held in included.
    public func reset() {
        let now = clock.now
        control { machine, _ in machine.reset(at: now) }
    }

    /// Lets it act (`enforce`), only say what it would do (`observe`, resilience4j's `METRICS_ONLY`), or rest
    /// (`disabled`).
    public func changeMode(to mode: PolicyMode) {
        let now = clock.now
        control { machine, _ in machine.modeChanged(to: mode, at: now) }
    }

    /// Makes it half open at the instant at which its open time is over, where the configuration says
    /// `isHalfOpenAutomatic`; without this, whoever looks first makes it so. Its owner runs it in a task group.
    ///
    /// A breaker that is closed by hand and opens again for a shorter time while this waits is noticed only when the
    /// first wait is over.
    /// - Throws: `CancellationError` when its task is cancelled; it does not end otherwise.
    public func followClock() async throws {
        var changes = changes(keepingNewest: 1).makeAsyncIterator()
        while true {
            while case .open(let until) = control({ machine, _ in machine.state }), configuration.isHalfOpenAutomatic {
                try await clock.sleep(until: until)
                let now = clock.now
                control { machine, random in machine.timePassed(at: now, using: random) }
            }
            guard await changes.next() != nil else { break }
        }
        try Task.checkCancellation()
    }
}
