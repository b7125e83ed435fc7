// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct PolicyOrderTests {
    @Test func `the canonical order has no problem, nor has any selection of it`() {
        #expect(PolicyOrder.problems(in: PolicyOrder.canonical).isEmpty)
        var random = MeshRandom(seed: 7)
        for _ in 0..<1_000 {
            let selection = PolicyOrder.canonical.filter { _ in Bool.random(using: &random) }
            #expect(PolicyOrder.problems(in: selection).isEmpty)
        }
    }

    static let mistakes: [([PolicySlot], String)] = [
        (
            [.circuitBreaker, .retry],
            "retry inside circuit breaker: the breaker sees one outcome for several attempts, "
                + "and retries go on while the circuit should be open"
        ),
        (
            [.retry, .totalTimeout],
            "total timeout inside retry: every attempt gets the whole time, so that retries exceed the total timeout"
        ),
        ([.attemptTimeout, .retry], "retry inside attempt timeout: the attempt's timeout covers all attempts"),
        (
            [.retry, .fallback],
            "fallback inside retry: the retry sees the fallback's answer as a success and never tries again"
        ),
        ([.bulkhead, .retry], "retry inside bulkhead: a request keeps its place while it waits between attempts"),
        ([.retry, .retry], "two of retry: their attempts multiply"),
        (
            [.attemptTimeout, .circuitBreaker],
            "circuit breaker inside attempt timeout: an attempt that takes too long is cancelled, "
                + "which the breaker ignores, so that it never opens for slowness"
        ),
    ]

    @Test(arguments: mistakes)
    func `a wrong order is explained`(slots: [PolicySlot], explanation: String) {
        #expect(PolicyOrder.problems(in: slots).map(\.description) == [explanation])
    }

    @Test func `every problem of an order is named with its position`() {
        let problems = PolicyOrder.problems(in: [.attemptTimeout, .circuitBreaker, .retry, .totalTimeout])
        #expect(problems.map(\.position) == [1, 2, 2, 3, 3])
        #expect(problems.map(\.outer) == [.attemptTimeout, .attemptTimeout, .circuitBreaker, .attemptTimeout, .retry])
    }

    @Test func `a rate limit may stand on either side of the retries`() {
        #expect(PolicyOrder.problems(in: [.retry, .rateLimit]).isEmpty)
        #expect(PolicyOrder.problems(in: [.rateLimit, .retry]).isEmpty)
    }
}
