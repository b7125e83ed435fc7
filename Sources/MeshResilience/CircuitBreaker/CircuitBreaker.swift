// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A circuit breaker that many calls share; usable alone around any async closure.
///
/// ```swift
/// let breaker = CircuitBreaker(CircuitBreakerConfiguration(failureRate: 0.5, minimumCalls: 10))
/// try await breaker.run { try await call() }
/// ```
public final class CircuitBreaker: Sendable {
    /// A change of state.
    public struct Change: Hashable, Sendable {
        /// The state before.
        public var from: CircuitBreakerStateMachine.State
        /// The state after.
        public var to: CircuitBreakerStateMachine.State
    }

    /// When it opens and closes.
    public let configuration: CircuitBreakerConfiguration
    private let machine: Mutex<CircuitBreakerStateMachine>
    private let onChange: (@Sendable (Change) -> Void)?

    /// Creates a closed breaker.
    /// - Parameter onChange: Is told of each change of state, outside the breaker's lock.
    public init(_ configuration: CircuitBreakerConfiguration, onChange: (@Sendable (Change) -> Void)? = nil) {
        self.configuration = configuration
        self.machine = Mutex(CircuitBreakerStateMachine(configuration))
        self.onChange = onChange
    }

    /// The state.
    public var state: CircuitBreakerStateMachine.State {
        machine.withLock { $0.state }
    }

    /// Asks whether a call may pass. Every admitted call reports its outcome, `ignored` if it was given up.
    public func admit(at now: MeshInstant) -> CircuitBreakerStateMachine.Admission {
        let (admission, change) = withMachine { $0.callWanted(at: now) }
        if let change { onChange?(change) }
        return admission
    }

    /// Reports how an admitted call ended.
    public func report(_ outcome: Outcome, permit: UInt64, at now: MeshInstant) {
        let (_, change) = withMachine { $0.callEnded(outcome, permit: permit, at: now) }
        if let change { onChange?(change) }
    }

    /// Runs an operation if the breaker lets it pass.
    /// - Throws: `MeshError` with code `circuitOpen`; else what the operation throws.
    public func run<Value>(
        classifier: ResponseClassifier = .standard,
        clock: any MeshClock = SystemClock(),
        _ operation: () async throws -> Value
    ) async throws -> Value {
        switch admit(at: clock.now) {
        case .refused(let wait):
            throw MeshError(.circuitOpen, origin: .local, message: "the circuit breaker is open", retryAfter: wait)
        case .admitted(let permit):
            do {
                let value = try await operation()
                report(.success, permit: permit, at: clock.now)
                return value
            } catch {
                report(classifier.outcome(error: error), permit: permit, at: clock.now)
                throw error
            }
        }
    }

    private func withMachine<Value: Sendable>(
        _ event: (inout CircuitBreakerStateMachine) -> Value
    ) -> (Value, Change?) {
        machine.withLock { machine in
            let before = machine.state
            let value = event(&machine)
            return (value, before == machine.state ? nil : Change(from: before, to: machine.state))
        }
    }
}
