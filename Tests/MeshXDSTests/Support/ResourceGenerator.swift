// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshSecurity

/// Makes valid resources of every kind from a seed: what a property must hold for.
struct ResourceGenerator {
    private var random: MeshRandom

    init(seed: UInt64) {
        self.random = MeshRandom(seed: seed)
    }

    mutating func below(_ bound: Int) -> Int { Int(random.below(UInt64(bound))) }

    mutating func chance(_ percent: Int = 50) -> Bool { below(100) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    mutating func list<Element>(_ counts: ClosedRange<Int>, _ make: (inout Self) -> Element) -> [Element] {
        (0..<counts.lowerBound + below(counts.count)).map { _ in make(&self) }
    }

    mutating func word() -> String {
        pick([
            "reviews", "ratings", "a", "x-user", "ü€", "v1", "sub.domain", "with space", "100%", "{\"json\": 1}", "*",
        ])
    }

    mutating func span(atMost bound: UInt64 = 86_400_000_000_000) -> Nanoseconds {
        Nanoseconds(rawValue: 1 + random.below(bound))
    }

    mutating func percent() -> FractionalPercent {
        FractionalPercent(
            numerator: UInt32(below(1_000_001)),
            denominator: pick([.hundred, .tenThousand, .million])
        )
    }

    mutating func expression() -> RegularExpression {
        let pattern = pick(["v[12]", "/api/.*", "(?i)jason", "a|b|", #"\d+\.\d+"#])
        do {
            return try RegularExpression(pattern)
        } catch {
            preconditionFailure("the pattern \(pattern) is one of ours: \(error)")
        }
    }

    mutating func stringMatcher() -> StringMatcher {
        switch below(6) {
        case 0: StringMatcher(.exact(chance(10) ? "" : word()), ignoresCase: chance())
        case 1: StringMatcher(.prefix(word()), ignoresCase: chance())
        case 2: StringMatcher(.suffix(word()), ignoresCase: chance())
        case 3: StringMatcher(.contains(word()), ignoresCase: chance())
        default: StringMatcher(.regularExpression(expression()))
        }
    }

    mutating func headerMatcher() -> HeaderMatcher {
        let condition: HeaderMatcher.Condition =
            switch below(4) {
            case 0: .present(chance())
            case 1: .range(start: Int64(below(200)) - 100, end: .max)
            default: .value(stringMatcher())
            }
        return HeaderMatcher(
            HeaderName(pick(["end-user", "X-Request-ID", ":method", ":path", "cookie"])),
            condition,
            isInverted: chance(30),
            treatsMissingAsEmpty: chance(30)
        )
    }

    mutating func fault() -> FaultConfiguration {
        var fault = FaultConfiguration(
            delay: chance() ? .init(duration: span(), percentage: percent()) : nil,
            abort: chance() ? .init(status: 200 + below(400), percentage: percent()) : nil,
            headers: list(0...2) { $0.headerMatcher() }
        )
        if chance(20) { fault.delay = .init(byHeader: percent()) }
        if chance(20) { fault.abort = .init(byHeader: percent()) }
        if chance(20) { fault.abort?.body = "no" }
        if chance(20) { fault.responseRate = .init(kibibytesPerSecond: 1 + random.below(1000), percentage: percent()) }
        if chance(10) { fault.responseRate = .init(byHeader: percent()) }
        if chance(20) { fault.upstreamCluster = "v1" }
        if chance(20) { fault.downstreamNodes = ["a", "b"] }
        if chance(20) { fault.runtimeKeys = faultKeys() }
        return fault
    }

    mutating func rateLimit() -> RateLimitConfiguration {
        RateLimitConfiguration(
            maximumTokens: pick([1, 100, Int(UInt32.max)]),
            tokensPerFill: 1 + below(1000),
            fillInterval: .milliseconds(1 + UInt64(below(86_400_000)))
        )
    }

    mutating func retry() -> RetryPolicy {
        let base = span(atMost: 1_000_000_000)
        return RetryPolicy(
            maximumAttempts: pick([1, 2, 3, 1000]),
            conditions: RetryConditions(rawValue: UInt32(below(1 << 15))),
            retriableStatusCodes: list(0...3) { 100 + $0.below(500) },
            retriableHeaders: list(0...1) { $0.headerMatcher() },
            retriableRequestHeaders: list(0...1) { $0.headerMatcher() },
            perTryTimeout: chance() ? span() : nil,
            backoff: Backoff(base: base, maximum: Nanoseconds(rawValue: base.rawValue + random.below(1 << 40))),
            replay: pick([.harmless, .always]),
            avoidsPreviousEndpoints: chance(),
            priorityUpdateFrequency: chance(20) ? 1 + below(5) : nil
        )
    }

    mutating func clusters() -> WeightedClusters {
        let names = ["v1", "v2", "v3", "outbound|9080|v1|reviews.default.svc.cluster.local"]
        let choice: WeightedClusters.Choice = pick([.random, .random, .header("x-choice"), .hash])
        return Self.valid {
            try WeightedClusters(
                (0...below(4)).map { number in
                    let isNamed = chance(90)
                    return WeightedCluster(
                        isNamed ? names[number] : "",
                        weight: number == 0 ? 1 + UInt32(below(100)) : UInt32(below(100)),
                        clusterHeader: isNamed ? nil : "x-cluster",
                        headers: headerMutations(),
                        host: chance(20) ? "share.example" : nil,
                        endpointLabels: labels()
                    )
                },
                choice: choice,
                runtimeKeyPrefix: chance(20) ? "weights" : ""
            )
        }
    }

    mutating func action() -> RouteAction {
        switch below(8) {
        case 0: return .nonForwarding
        case 1:
            return .directResponse(
                LocalReply(
                    status: 200 + below(400),
                    body: pick(["", "no", String(repeating: "long", count: 2000)]),
                    headers: list(0...2) {
                        LocalReply.Header(HeaderName("x-\($0.below(3))"), $0.pick(["", "a", "100%", "%%"]))
                    }
                )
            )
        case 2: return .redirect(redirect())
        default: return .forward(forward())
        }
    }

    mutating func forward() -> RouteAction.Forward {
        let target: ClusterSpecifier = chance(20) ? .header("x-cluster") : .clusters(clusters())
        var forward = RouteAction.Forward(
            target: target,
            missingClusterStatus: pick([503, 503, 404, 500]),
            appendsForwardedHost: chance(20),
            timeout: chance() ? span() : nil,
            retry: chance() ? retry() : nil,
            idleTimeout: chance(20) ? pick([.zero, .seconds(5)]) : nil,
            hashPolicies: list(0...2) { $0.hashPolicy() },
            mirrors: chance(20) ? [mirror()] : nil,
            internalRedirects: chance(20) ? internalRedirects() : nil,
            priority: chance(20) ? .high : .standard,
            endpointLabels: labels()
        )
        let rewrite = Self.valid { try PathTemplateRewrite("/{rest}/{country}") }
        forward.pathRewrite = pick([
            nil, nil, .prefix("/new"), .regularExpression(substitution()), .template(rewrite),
        ])
        forward.hostRewrite = pick([
            nil, nil, .literal("other.example"), .endpoint, .header("x-host"), .path(substitution()),
        ])
        forward.rateLimits = list(0...1) { $0.routeRateLimit() }
        forward.includesHostRateLimits = chance(20)
        if chance(20) { forward.streamDuration = streamDuration(beside: forward.timeout) }
        if forward.timeout != nil, forward.streamDuration?.maximum == nil { forward.sparesCalls = chance(30) }
        guard chance(20) else { return forward }
        for share in forward.shares where share.clusterHeader == nil && chance() {
            forward.clusterFaults[share.cluster] = fault()
            let filters = filterOverrides()
            if filters != .none { forward.clusterFilters[share.cluster] = filters }
        }
        return forward
    }

    /// Limits that are not the timeout over again: gRPC's field says both.
    private mutating func streamDuration(beside timeout: Nanoseconds?) -> StreamDurationLimit {
        StreamDurationLimit(
            maximum: timeout.flatMap { chance() ? Nanoseconds(rawValue: $0.rawValue + 1) : nil },
            maximumOfHeader: pick([.zero, .seconds(30)]),
            headerOffset: pick([.zero, .milliseconds(5)])
        )
    }

    mutating func route() -> Route {
        let action = action()
        return Route(
            name: chance() ? word() : "",
            match: routeMatch(),
            action: action,
            fault: chance(30) ? fault() : nil,
            rateLimit: chance(30) ? rateLimit() : nil,
            policies: action.retries ? .none : routePolicies(),
            headers: headerMutations(),
            cors: chance(20) ? cors() : nil,
            filters: filterOverrides()
        )
    }

    mutating func address(_ number: Int) -> EndpointAddress {
        switch below(5) {
        case 0: EndpointAddress(host: "2001:db8::\(number)", port: 65_535)
        case 1: EndpointAddress(host: "host-\(number).example", port: 1)
        case 2: EndpointAddress(unixSocketPath: "/run/\(number).socket")
        default: EndpointAddress(host: "10.0.\(number / 256).\(number % 256)", port: UInt16(1 + below(65_535)))
        }
    }

    mutating func listener(_ name: String) -> Listener {
        var listener = Listener(
            name: name,
            direction: chance(70)
                ? .outbound
                : .inbound(address: address(1), security: pick([.plaintext, .mutualTLS, .permissive])),
            filters: (0..<below(4)).map { number in
                switch below(6) {
                case 4, 5: filter()
                case 0: .fault(fault())
                case 1: .policies(listenerPolicies())
                case 2: .authorization(authorization("policy \(number)"))
                default: .rateLimit(rateLimit())
                }
            },
            routes: chance() ? .named("routes of \(name)") : .inline(routeConfiguration(chance() ? name : ""))
        )
        if case .outbound = listener.direction, chance(20) { listener.maximumStreamDuration = pick([.zero, span()]) }
        if case .inbound(let address, let security) = listener.direction, security.takesTLS {
            if chance(30) {
                listener.secrets = SecretReference(
                    certificate: "secret 0",
                    validation: "secret 1",
                    parameters: parameters()
                )
                if chance(30) {
                    listener.secrets?.validation = nil
                    listener.direction = .inbound(address: address, security: .tls)
                }
            }
            if listener.secrets?.validation != nil || listener.secrets == nil, chance(30) {
                listener.peerNames = names()
            }
        }
        if case .inbound = listener.direction {
            listener.forwardedFor = pick([
                .connection, .lastAddress, ForwardedFor(usesConnection: chance(), trustedHops: UInt32(below(4))),
            ])
        }
        return listener
    }

    mutating func cluster(_ name: String) -> Cluster {
        let identities = list(0...2) { "spiffe://cluster.local/ns/default/sa/\($0.below(3))" }
        var cluster = Cluster(
            name: name,
            discovery: discovery(name),
            connectTimeout: span(),
            loadBalancing: loadBalancing(),
            panicThreshold: pick([50, 0, 33, 100]),
            concurrencyLimit: ConcurrencyLimitConfiguration(
                maximumRequests: pick([0, 1, 1024, .max]),
                maximumPendingRequests: pick([0, 7]),
                maximumConnections: pick([1, .max])
            ),
            upstreamSecurity: pick([
                .plaintext, .automatic(acceptedIdentities: identities), .mutualTLS(acceptedIdentities: identities),
            ])
        )
        structure(&cluster)
        if cluster.upstreamSecurity != .plaintext, chance() { cluster.serverName = "s\(below(3)).example" }
        if cluster.upstreamSecurity != .plaintext, chance(30) { cluster.secrets = secretReference() }
        if cluster.upstreamSecurity != .plaintext, chance(30) { cluster.peerNames = names() }
        if chance() { cluster.connection = connection() }
        cluster.proxy = pick([.direct, .direct, .ofEndpoint, .address(address(9))])
        if chance() {
            cluster.outlierDetection = outlierDetection()
        }
        if chance() { cluster.healthCheck = healthCheck() }
        if cluster.members.isEmpty, chance(30) {
            let names = list(0...3) { $0.pick(["eps", "cpu_utilization", "named_metrics.*", "utilization.disk"]) }
            cluster.loadStatistics = LoadStatisticsPlan(metrics: LoadMetricSelection(Set(names)))
        }
        return cluster
    }

    /// A configuration of up to three resources of each kind.
    mutating func resources() -> MeshResources {
        MeshResources(
            listeners: (0..<below(4)).map { listener("listener \($0)") },
            routeConfigurations: (0..<below(4)).map { routeConfiguration("routes \($0)") },
            clusters: (0..<below(4)).map { cluster("cluster \($0)") },
            endpointAssignments: (0..<below(4)).map { assignment("endpoints \($0)") },
            secrets: (0..<below(3)).map { secret("secret \($0)") },
            runtimeLayers: (0..<below(3)).map { runtimeLayer("layer \($0)") }
        )
    }
}
