// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension GuardBound {
    /// Name, goal, instructions when the bound was set (Swift 6.3.1, x86-64), and allocations where there are any.
    ///
    /// The goals are those of `Docs/benchmarks/policies.md`: 120 instructions for a policy alone, 700 for the full stack.
    /// Routes are decided by tables of 10 000, for about what 10 cost: 500 ns were the goal, which is more instructions
    /// than these. What hands its operation to a task of its own has none, and is held to what it needs today.
    static let all: [GuardBound] = [
        // 210 before faults were counted while they last, which every request asks about at its end.
        GuardBound("stack/pass-through-6", goal: nil, 250),
        // Before routes had all of Envoy's conditions it was 2 020 and 3 530; before endpoints had priorities, health that may
        // change at any time, and rates that are counted, 2 450 and 3 900.
        GuardBound("stack/outbound-plain", goal: nil, 2725),
        GuardBound("stack/outbound", goal: nil, 4111),
        GuardBound("stack/policies", goal: 700, 1590),
        GuardBound("stack/policies-small", goal: nil, 536),
        GuardBound("route/exact-10000-last", goal: 1_500, 1260),
        GuardBound("route/exact-10000-none", goal: 1_500, 1110),
        GuardBound("route/prefix-10000-first", goal: 1_500, 1520),
        GuardBound("route/prefix-10000-last", goal: 1_500, 1480),
        GuardBound("route/header-10000-last", goal: 2_500, 2220),
        GuardBound("route/regex-10000-last", goal: 2_500, 2070),
        GuardBound("policy/retry", goal: 120, 201),
        GuardBound("policy/retry-run", goal: 120, 188),
        GuardBound("policy/retry-token-budget", goal: 120, 374),
        GuardBound("policy/retry-concurrency-budget", goal: 120, 514),
        GuardBound("policy/retry-throttle-budget", goal: 120, 510),
        GuardBound("policy/retry-quota-budget", goal: 120, 514),
        GuardBound("policy/hedge-inapplicable", goal: 120, 132),
        GuardBound("policy/hedge-not-started", goal: nil, 46753, allocations: 16),
        GuardBound("policy/hedge-run-not-started", goal: nil, 34282, allocations: 9),
        GuardBound("policy/hedge-run-started", goal: nil, nil, allocations: 22),
        GuardBound("policy/total-timeout", goal: 120, 96),
        GuardBound("policy/attempt-timeout", goal: 120, 99),
        GuardBound("policy/expired-request", goal: 120, 227),
        GuardBound("policy/timeout-run", goal: nil, 11755, allocations: 4),
        GuardBound("policy/timeout-abandoning", goal: nil, 28905, allocations: 7),
        GuardBound("policy/breaker-time-window", goal: 120, 402),
        GuardBound("policy/breaker-time-window-run", goal: 120, 194),
        GuardBound("policy/breaker-count-window", goal: 120, 418),
        GuardBound("policy/breaker-count-window-run", goal: 120, 202),
        GuardBound("policy/breaker-open-refuses", goal: nil, 322),
        GuardBound("policy/bulkhead", goal: 120, 244),
        GuardBound("policy/bulkhead-run", goal: 120, 97),
        GuardBound("policy/bulkhead-queued-waiter", goal: nil, nil, allocations: 2),
        GuardBound("policy/adaptive-limit-aimd", goal: 120, 666),
        GuardBound("policy/adaptive-limit-vegas", goal: 120, 666),
        GuardBound("policy/adaptive-limit-gradient2", goal: 120, 666),
        GuardBound("policy/adaptive-limit-envoy", goal: 120, 741),
        GuardBound("policy/adaptive-limit-correlated-vegas", goal: 120, 725),
        GuardBound("policy/admission-envoy", goal: 120, 632),
        GuardBound("policy/admission-nack", goal: 120, 767),
        // It looks at its load by time: 760 on a machine that has nothing else to do, more where valgrind is slower.
        GuardBound("policy/load-shedding", goal: 120, 1100),
        GuardBound("policy/rate-token-bucket", goal: 120, 200),
        GuardBound("policy/rate-smooth", goal: 120, 273),
        GuardBound("policy/rate-sliding-window", goal: 120, 305),
        GuardBound("policy/rate-sliding-log", goal: 120, 426),
        GuardBound("policy/rate-keyed", goal: 120, 923),
        GuardBound("policy/rate-adaptive", goal: 120, 336),
        GuardBound("policy/fallback", goal: 120, 192),
        GuardBound("policy/fallback-run", goal: 120, 91),
        GuardBound("policy/cache-hit", goal: nil, 7942),
        GuardBound("policy/cache-fill", goal: nil, 62532, allocations: 13),
        GuardBound("policy/coalescing-leader", goal: nil, 40933, allocations: 12),
        GuardBound("policy/batch-of-one", goal: nil, 60546, allocations: 18),
        GuardBound("policy/fault", goal: 120, 175),
        GuardBound("policy/command", goal: nil, 15975, allocations: 5),
        GuardBound("policy/command-without-timeout", goal: nil, 4036),
        GuardBound("policy/pipeline-of-three", goal: nil, 9826, allocations: 3),
        // A hundred times the policies cost what ten cost, where paths or exact identities tell them apart.
        GuardBound("authorization/identity-10-last", goal: nil, 6262),
        GuardBound("authorization/identity-1000-last", goal: nil, 6298),
        GuardBound("authorization/path-10-last", goal: nil, 3896),
        GuardBound("authorization/path-1000-last", goal: nil, 3972),
        GuardBound("authorization/namespace-10-last", goal: nil, 46299),
        GuardBound("token/remembered", goal: nil, 18367, allocations: 7),
    ]
}
