// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Says what is wrong with an order of policies, and what it would do.
public enum PolicyOrder {
    /// Two policies that stand the wrong way round, or a second one where there is room for one.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// The one that stands outside, and its position in the order.
        public var outer: PolicySlot
        /// The one that stands inside.
        public var inner: PolicySlot
        /// The position of `inner`, from 0.
        public var position: Int
        /// What the order does to requests.
        public var consequence: String

        /// For people: `retry inside circuit breaker: …`.
        public var description: String {
            outer == inner ? "two of \(inner): \(consequence)" : "\(inner) inside \(outer): \(consequence)"
        }
    }

    /// The places of a stack, the outermost first.
    public static var canonical: [PolicySlot] { PolicySlot.allCases }

    /// Finds everything that is wrong with an order.
    ///
    /// What two policies do to each other decides, and not the distance from the canonical order: a rate limit inside
    /// the retries limits attempts and outside of them requests, and both make sense.
    /// - Parameter slots: The policies' places, the outermost first.
    /// - Complexity: O(n²) in their number.
    public static func problems(in slots: [PolicySlot]) -> [Problem] {
        var found: [Problem] = []
        for (position, inner) in slots.enumerated() {
            for outer in slots[..<position] {
                guard let consequence = consequence(of: inner, inside: outer) else { continue }
                found.append(Problem(outer: outer, inner: inner, position: position, consequence: consequence))
            }
        }
        return found
    }

    /// What happens when one policy stands inside another that belongs inside of it; `nil` if nothing is wrong.
    private static func consequence(of inner: PolicySlot, inside outer: PolicySlot) -> String? {
        if inner == outer { return consequenceOfTwo(inner) }
        return switch (inner, outer) {
        case (.fallback, .retry):
            "the retry sees the fallback's answer as a success and never tries again"
        case (.fallback, .circuitBreaker):
            "the breaker sees the fallback's answer as a success and never opens"
        case (.fallback, .hedge), (.fallback, .adaptiveLimit), (.fallback, .admissionControl):
            "the \(outer) takes the fallback's answers for the peer's"
        case (.fallback, .totalTimeout), (.fallback, .rateLimit), (.fallback, .bulkhead), (.fallback, .loadShedding):
            "what the \(outer) refuses gets no fallback"
        case (.cache, .retry), (.cache, .hedge), (.cache, .circuitBreaker), (.cache, .adaptiveLimit):
            "answers from memory count as the peer's, and an open circuit refuses what memory could answer"
        case (.cache, .rateLimit), (.cache, .bulkhead), (.cache, .admissionControl), (.cache, .loadShedding):
            "answers from memory use up the \(outer), which protects what a hit does not touch"
        case (.cache, .coalescing):
            "hits wait for calls that they do not need"
        case (.coalescing, .retry), (.coalescing, .hedge):
            "each of the equal calls has its own \(outer), which starts the shared call again"
        case (.totalTimeout, .retry):
            "every attempt gets the whole time, so that retries exceed the total timeout"
        case (.totalTimeout, .hedge):
            "every attempt gets the whole time, counted from its own start"
        case (.totalTimeout, .bulkhead), (.totalTimeout, .adaptiveLimit):
            "the wait for a place does not count"
        case (.admissionControl, .retry), (.loadShedding, .retry):
            "what was refused is tried again at once, which is the load that it sheds"
        case (.retry, .circuitBreaker):
            "the breaker sees one outcome for several attempts, and retries go on while the circuit should be open"
        case (.hedge, .circuitBreaker):
            "the breaker sees one outcome for several attempts"
        case (.retry, .bulkhead), (.retry, .adaptiveLimit):
            "a request keeps its place while it waits between attempts"
        case (.hedge, .adaptiveLimit):
            "the limit counts several attempts as one, and their latencies as the fastest"
        case (.retry, .attemptTimeout), (.hedge, .attemptTimeout):
            "the attempt's timeout covers all attempts"
        case (.circuitBreaker, .attemptTimeout):
            "an attempt that takes too long is cancelled, which the breaker ignores, so that it never opens for slowness"
        case (.adaptiveLimit, .attemptTimeout):
            "an attempt that takes too long is cancelled, which the limit ignores, so that it does not shrink"
        case (.totalTimeout, .attemptTimeout):
            "the total timeout can never be reached"
        default:
            nil
        }
    }

    private static func consequenceOfTwo(_ slot: PolicySlot) -> String? {
        switch slot {
        case .retry: "their attempts multiply"
        case .hedge: "their attempts multiply, all at once"
        case .totalTimeout, .attemptTimeout: "the shorter one decides, and the other says something that is not true"
        case .cache: "what the inner one forgets, the outer one goes on answering"
        default: nil
        }
    }
}
