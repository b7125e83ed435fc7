// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// The running policies of the configuration before, so that a push does not refill a bucket, close a breaker, prolong a
/// fault's time to live or forget what a limit has learned, where the policy's settings did not change.
struct PolicyPool {
    /// Where a policy stands. Routes that share a name have one place, in their order.
    struct Place: Hashable, Sendable {
        var name: String
        var kind: PolicyKind
        var position: Int
    }

    /// A policy and what it was made from.
    struct Running: Sendable {
        var configuration: any PolicyConfiguration
        var policy: any Sendable & AnyObject
    }

    let clock: any MeshClock
    let random: MeshRandom
    let observers: ObserverSet
    let timers: TimerWheel
    let systemLoad: SystemLoad?
    let services: RateLimitServices
    /// The policies of the new configuration.
    private(set) var made: [Place: Running] = [:]
    /// What the new configuration asks for and this process does not have.
    private(set) var problems = ProblemCollector()
    private var counts: [Place: Int] = [:]
    private let known: [Place: Running]

    init(previous: RuntimeSnapshot, builder: RuntimeBuilder) {
        self.known = previous.policies
        self.clock = builder.clock
        self.random = builder.random
        self.observers = builder.observers
        self.timers = builder.timers
        self.systemLoad = builder.configuration.systemLoad
        self.services = builder.configuration.rateLimitServices
    }

    /// The policy of a place: the one that stood there, if its settings are the same.
    private mutating func policy<Configuration: PolicyConfiguration, Policy: Sendable & AnyObject>(
        _ place: String,
        _ configuration: Configuration,
        isKept: (Policy) -> Bool = { _ in true },
        make: (Configuration) -> Policy
    ) -> Policy {
        var place = Place(name: place, kind: Configuration.kind, position: 0)
        let position = counts[place, default: 0]
        counts[place] = position + 1
        place.position = position
        if let before = known[place], before.configuration as? Configuration == configuration,
            let policy = before.policy as? Policy, isKept(policy)
        {
            made[place] = before
            return policy
        }
        let policy = make(configuration)
        made[place] = Running(configuration: configuration, policy: policy)
        return policy
    }

    mutating func rateLimiter(_ name: String, _ configuration: RateLimitConfiguration) -> RateLimiter {
        let (observers, clock) = (observers, clock)
        return policy(name, configuration) {
            RateLimiter(validated: $0, name: name, observers: observers, clock: clock)
        }
    }

    mutating func localRateLimit(_ place: String, _ name: String, _ configuration: LocalRateLimitConfiguration)
        -> LocalRateLimiter
    {
        let (observers, clock, random) = (observers, clock, random)
        return policy(place, configuration) {
            LocalRateLimiter(validated: $0, name: name, observers: observers, clock: clock, random: random)
        }
    }

    mutating func globalRateLimit(_ place: String, _ name: String, _ configuration: GlobalRateLimitConfiguration)
        -> GlobalRateLimiter
    {
        let (observers, timers, random, services) = (observers, timers, random, services)
        return policy(place, configuration) {
            GlobalRateLimiter(
                validated: $0,
                service: services.service(named: $0.service),
                name: name,
                observers: observers,
                timers: timers,
                random: random
            )
        }
    }

    mutating func keyedRateLimit(
        _ place: String,
        _ name: String,
        _ configuration: HeaderRateLimitConfiguration
    ) -> HeaderRateLimiter {
        let (observers, clock) = (observers, clock)
        return policy(place, configuration) {
            HeaderRateLimiter(validated: $0, name: name, observers: observers, clock: clock)
        }
    }

    mutating func faultInjector(_ place: String, _ name: String, _ configuration: FaultConfiguration) -> FaultInjector {
        let (observers, clock, random) = (observers, clock, random)
        return policy(place, configuration) {
            FaultInjector(validated: $0, name: name, observers: observers, clock: clock, random: random)
        }
    }

    mutating func loadShedder(_ place: String, _ name: String, _ configuration: LoadShedderConfiguration) -> LoadShedder
    {
        let (observers, clock, random, load) = (observers, clock, random, systemLoad)
        problems.require(
            configuration.loadTrigger == nil || load != nil,
            "\(place).policies.loadShedding.loadTrigger",
            "needs a source of the system's load, and `MeshConfiguration.systemLoad` is not set in this process"
        )
        return policy(place, configuration) {
            LoadShedder(
                validated: $0,
                name: name,
                load: load,
                signals: [],
                observers: observers,
                clock: clock,
                random: random
            )
        }
    }

    mutating func admissionControl(
        _ place: String,
        _ name: String,
        _ configuration: AdmissionControlConfiguration
    ) -> AdmissionControl {
        let (observers, clock, random) = (observers, clock, random)
        return policy(place, configuration) {
            AdmissionControl(validated: $0, name: name, observers: observers, clock: clock, random: random)
        }
    }

    mutating func adaptiveLimit(_ place: String, _ name: String, _ configuration: AdaptiveLimitConfiguration)
        -> AdaptiveLimit
    {
        let (observers, clock, random) = (observers, clock, random)
        return policy(place, configuration) {
            AdaptiveLimit(validated: $0, name: name, observers: observers, clock: clock, random: random)
        }
    }

    mutating func responseCache(
        _ place: String,
        _ name: String,
        _ configuration: ResponseCacheConfiguration,
        _ rules: ResponseSharingRules,
        conditions: [HeaderName] = []
    ) -> RouteCache {
        let clock = clock
        // The name too: what stood on a route may stand on its listener now.
        return policy(
            place,
            configuration,
            isKept: { $0.rules == rules && $0.conditions == conditions && $0.name == name },
            make: { RouteCache($0, rules, conditions: conditions, name: name, clock: clock) }
        )
    }

    mutating func coalescing(
        _ place: String,
        _ name: String,
        _ configuration: CoalescingConfiguration,
        _ rules: ResponseSharingRules,
        conditions: [HeaderName]
    ) -> RouteCoalescing {
        let timers = timers
        return policy(
            place,
            configuration,
            isKept: { $0.rules == rules && $0.conditions == conditions && $0.name == name },
            make: { RouteCoalescing($0, rules, conditions: conditions, name: name, timers: timers) }
        )
    }

    mutating func expiredRequests(_ place: String, _ name: String, _ configuration: ExpiredRequestConfiguration)
        -> ExpiredRequestFilter
    {
        let (observers, clock) = (observers, clock)
        return policy(place, configuration) {
            ExpiredRequestFilter(validated: $0, name: name, observers: observers, clock: clock)
        }
    }

    mutating func bulkhead(_ place: String, _ name: String, _ configuration: BulkheadConfiguration) -> Bulkhead {
        let (observers, clock) = (observers, clock)
        return policy(place, configuration) { Bulkhead(validated: $0, name: name, observers: observers, clock: clock) }
    }

    mutating func circuitBreaker(_ place: String, _ name: String, _ configuration: CircuitBreakerConfiguration)
        -> CircuitBreaker
    {
        let (observers, clock, random) = (observers, clock, random)
        return policy(place, configuration) {
            CircuitBreaker(validated: $0, name: name, observers: observers, clock: clock, random: random) { change in
                observers.noticed(
                    .circuitBreakerChanged(
                        cluster: name,
                        endpoint: nil,
                        from: change.from.label,
                        to: change.to.label
                    )
                )
            }
        }
    }

    /// A hedge draws on its cluster's budget, so that it belongs to a route and a cluster.
    mutating func hedging(
        _ place: String,
        _ name: String,
        _ configuration: HedgingConfiguration,
        budget: RetryBudget?
    ) -> Hedging {
        let (observers, timers) = (observers, timers)
        // A budget of before belongs to settings of the cluster that are no more.
        return policy(place, configuration, isKept: { $0.budget === budget }) {
            Hedging(validated: $0, budget: budget, name: name, observers: observers, timers: timers)
        }
    }
}
