// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension CircuitBreaker {
    /// The right to make one call, for callers that cannot put it into a closure.
    ///
    /// It is ended once, with the call's outcome. One that is dropped gives itself back: a probe's place is free again,
    /// and nothing is counted.
    public struct Permit: ~Copyable, Sendable {
        private let breaker: CircuitBreaker
        private let entry: Entry
        private var isEnded = false

        init(_ breaker: CircuitBreaker, _ entry: Entry) {
            self.breaker = breaker
            self.entry = entry
        }

        /// Says how the call ended.
        /// - Parameters:
        ///   - outcome: How it counts.
        ///   - isOverload: Whether the peer said that it has too much to do.
        ///   - retryAfter: How long the peer asked to be left alone.
        public consuming func end(_ outcome: Outcome, isOverload: Bool = false, retryAfter: Nanoseconds? = nil) {
            isEnded = true
            guard entry.permit != 0 else { return }
            breaker.leave(
                entry,
                CircuitBreakerStateMachine.Ending(outcome, isOverload: isOverload, retryAfter: retryAfter)
            )
        }

        deinit {
            if !isEnded { breaker.leave(entry, .ignored) }
        }
    }

    /// Asks for the right to make one call.
    /// - Throws: `MeshError` with code `circuitOpen`.
    public func acquire() throws -> Permit {
        Permit(self, try enter())
    }
}
