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
        FaultConfiguration(
            delay: chance() ? .init(duration: span(), percentage: percent()) : nil,
            abort: chance() ? .init(status: 200 + below(400), percentage: percent()) : nil,
            headers: list(0...2) { $0.headerMatcher() }
        )
    }

    mutating func rateLimit() -> RateLimitConfiguration {
        RateLimitConfiguration(
            maximumTokens: pick([1, 100, Int(UInt32.max)]),
            tokensPerFill: 1 + below(1000),
            fillInterval: .milliseconds(1 + UInt64(below(86_400_000)))
        )
    }

    mutating func permission(depth: Int = 0) -> Permission {
        switch below(depth < 4 ? 7 : 4) {
        case 0: .any
        case 1: .header(headerMatcher())
        case 2: .path(stringMatcher())
        case 3: .destinationPort(UInt16(below(65_536)))
        case 4: .all(list(1...3) { $0.permission(depth: depth + 1) })
        case 5: .anyOf(list(1...3) { $0.permission(depth: depth + 1) })
        default: .not(permission(depth: depth + 1))
        }
    }

    mutating func principal(depth: Int = 0) -> Principal {
        switch below(depth < 4 ? 7 : 4) {
        case 0: .any
        case 1: .header(headerMatcher())
        case 2: .authenticated(nil)
        case 3: .authenticated(stringMatcher())
        case 4: .all(list(1...3) { $0.principal(depth: depth + 1) })
        case 5: .anyOf(list(1...3) { $0.principal(depth: depth + 1) })
        default: .not(principal(depth: depth + 1))
        }
    }

    /// Rules whose policies have names that begin with `name`: a listener's messages go by the policies' names.
    mutating func rules(_ name: String) -> AuthorizationRules {
        AuthorizationRules(
            action: pick([.allow, .deny]),
            policies: (0..<below(4)).map { number in
                AuthorizationPolicy(
                    name: "\(name) \(number)",
                    permissions: list(1...2) { $0.permission() },
                    principals: list(1...2) { $0.principal() },
                    denialMessage: chance() ? word() : nil
                )
            }
        )
    }

    mutating func retry() -> RetryPolicy {
        let base = span(atMost: 1_000_000_000)
        return RetryPolicy(
            maximumAttempts: pick([1, 2, 3, 1000]),
            conditions: RetryConditions(rawValue: UInt32(below(1 << 13))),
            retriableStatusCodes: list(0...3) { 100 + $0.below(500) },
            perTryTimeout: chance() ? span() : nil,
            backoff: Backoff(base: base, maximum: Nanoseconds(rawValue: base.rawValue + random.below(1 << 40))),
            replay: pick([.harmless, .always]),
            avoidsPreviousEndpoints: chance()
        )
    }

    mutating func clusters() -> WeightedClusters {
        let names = ["v1", "v2", "v3", "outbound|9080|v1|reviews.default.svc.cluster.local"]
        do {
            return try WeightedClusters(
                (0...below(4)).map {
                    WeightedCluster(names[$0], weight: $0 == 0 ? 1 + UInt32(below(100)) : UInt32(below(100)))
                }
            )
        } catch {
            preconditionFailure("the weights are ours: \(error)")
        }
    }

    mutating func action() -> RouteAction {
        switch below(6) {
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
        default:
            let clusters = clusters()
            var faults: [String: FaultConfiguration] = [:]
            if chance(20) { for share in clusters.shares where chance() { faults[share.cluster] = fault() } }
            return .forward(
                RouteAction.Forward(
                    clusters: clusters,
                    timeout: chance() ? span() : nil,
                    retry: chance() ? retry() : nil,
                    clusterFaults: faults
                )
            )
        }
    }

    mutating func route() -> Route {
        let path: PathMatcher =
            switch below(4) {
            case 0: .any
            case 1: PathMatcher(.exact("/" + word()), ignoresCase: chance())
            case 2: PathMatcher(.regularExpression(expression()))
            default: PathMatcher(.prefix(chance(20) ? "" : "/" + word()), ignoresCase: chance())
            }
        return Route(
            name: chance() ? word() : "",
            match: RouteMatch(path: path, headers: list(0...3) { $0.headerMatcher() }),
            action: action(),
            fault: chance(30) ? fault() : nil,
            rateLimit: chance(30) ? rateLimit() : nil
        )
    }

    mutating func routeConfiguration(_ name: String) -> RouteConfiguration {
        let hosts = below(4)
        return RouteConfiguration(
            name: name,
            virtualHosts: (0..<hosts).map { number in
                var domains: [DomainPattern] = [.exact("host\(number).example:80"), .suffix(".\(number).example")]
                if number == 0 { domains += [.prefix("www."), .any] }
                return VirtualHost(name: "host \(number)", domains: domains, routes: list(0...4) { $0.route() })
            }
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
        Listener(
            name: name,
            direction: chance(70)
                ? .outbound
                : .inbound(address: address(1), security: pick([.plaintext, .mutualTLS])),
            filters: (0..<below(4)).map { number in
                switch below(3) {
                case 0: .fault(fault())
                case 1: .authorization(rules("policy \(number)"))
                default: .rateLimit(rateLimit())
                }
            },
            routes: chance() ? .named("routes of \(name)") : .inline(routeConfiguration(chance() ? name : ""))
        )
    }

    mutating func assignment(_ name: String) -> EndpointAssignment {
        var number = 0
        return EndpointAssignment(
            name: name,
            localities: (0..<below(4)).map { position in
                LocalityEndpoints(
                    locality: Locality(region: chance() ? "region" : "", zone: "zone \(position)", subZone: ""),
                    priority: UInt32(position / 2),
                    weight: chance() ? 1 + UInt32(below(1000)) : nil,
                    endpoints: list(0...4) { generator in
                        number += 1
                        return ClusterEndpoint(
                            generator.address(number),
                            health: generator.pick([.unknown, .healthy, .unhealthy, .draining, .timeout, .degraded]),
                            weight: 1 + UInt32(generator.below(1000)),
                            speaksMutualTLS: generator.chance(),
                            proxy: generator.chance(20) ? generator.address(9) : nil
                        )
                    }
                )
            }
        )
    }

    mutating func cluster(_ name: String) -> Cluster {
        let identities = list(0...2) { "spiffe://cluster.local/ns/default/sa/\($0.below(3))" }
        var cluster = Cluster(
            name: name,
            discovery: chance(80)
                ? .endpointDiscovery(serviceName: chance() ? "endpoints of \(name)" : nil)
                : .fixed(assignment(name)),
            connectTimeout: span(),
            loadBalancing: chance()
                ? Cluster.LoadBalancing(RoundRobin()) : Cluster.LoadBalancing(LeastRequest(choiceCount: 2 + below(99))),
            concurrencyLimit: ConcurrencyLimitConfiguration(
                maximumRequests: pick([0, 1, 1024, .max]),
                maximumPendingRequests: pick([0, 7]),
                maximumConnections: pick([1, .max])
            ),
            upstreamSecurity: pick([
                .plaintext, .automatic(acceptedIdentities: identities), .mutualTLS(acceptedIdentities: identities),
            ])
        )
        if cluster.upstreamSecurity != .plaintext, chance() { cluster.serverName = "s\(below(3)).example" }
        if chance() { cluster.connection = connection() }
        cluster.proxy = pick([.direct, .direct, .ofEndpoint, .address(address(9))])
        if chance() {
            cluster.outlierDetection = OutlierDetection(
                consecutiveFailures: chance(80) ? 1 + UInt32(below(10)) : nil,
                interval: span(),
                baseEjectionTime: span(),
                maximumEjectionTime: span(),
                maximumEjectionPercent: UInt32(below(101))
            )
        }
        return cluster
    }

    /// A configuration of up to three resources of each kind.
    mutating func resources() -> MeshResources {
        MeshResources(
            listeners: (0..<below(4)).map { listener("listener \($0)") },
            routeConfigurations: (0..<below(4)).map { routeConfiguration("routes \($0)") },
            clusters: (0..<below(4)).map { cluster("cluster \($0)") },
            endpointAssignments: (0..<below(4)).map { assignment("endpoints \($0)") }
        )
    }
}
