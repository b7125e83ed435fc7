// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
public import MeshCore
import MeshResilience
import MeshRouting

extension MeshResources {
    /// Checks every resource and every reference between them.
    ///
    /// A route to a cluster that is missing is not an error: Envoy serves the rest and answers such requests with 503
    /// and the flag NC.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        try validate(asPart: false)
    }

    /// The same of what one control plane among several has: routes that a listener names may be with another one.
    package func validate(asPart isPart: Bool) throws(ConfigurationError) {
        var problems = ProblemCollector()
        for name in listeners.keys.sorted() {
            guard let listener = listeners[name] else { continue }
            let path = "listeners[\(name)]"
            if !isPart, case .named(let routes) = listener.routes, routeConfigurations[routes] == nil {
                problems.note(path + ".routes", "there is no route configuration named \(routes)")
            }
            if case .inline(let routes) = listener.routes {
                Self.check(routes, path + ".routes", &problems)
            }
            for (position, filter) in listener.filters.enumerated() {
                _ = problems.nest("\(path).filters[\(position)]") { () throws(ConfigurationError) in
                    switch filter {
                    case .fault(let fault): try fault.validate()
                    case .rateLimit(let limit): try limit.validate()
                    case .policies(let policies): try policies.validate(on: "listener")
                    case .localRateLimit(let filter): try filter.validate()
                    case .globalRateLimit(let filter): try filter.validate()
                    case .buffer(let filter): try filter.validate()
                    case .statefulSession(let filter): try filter.validate()
                    case .headerMutation(let filter): try filter.rules.validate()
                    case .jwt(let filter): try filter.validate()
                    case .externalAuthorization(let filter): try filter.validate()
                    case .authorization: break
                    }
                }
            }
            listener.checkSharing(path, &problems)
            listener.checkSecrets(path, &problems)
        }
        for name in routeConfigurations.keys.sorted() {
            guard let routes = routeConfigurations[name] else { continue }
            Self.check(routes, "routeConfigurations[\(name)]", &problems)
        }
        for name in clusters.keys.sorted() {
            guard let cluster = clusters[name] else { continue }
            _ = problems.nest("clusters[\(name)]") { () throws(ConfigurationError) in try cluster.validate() }
        }
        checkAggregates(&problems)
        checkSecrets(&problems)
        checkRuntime(&problems)
        for name in endpointAssignments.keys.sorted() {
            guard let assignment = endpointAssignments[name] else { continue }
            _ = problems.nest("endpointAssignments[\(name)]") { () throws(ConfigurationError) in
                try assignment.validate()
            }
        }
        try problems.throwIfAny()
    }

    private static func check(_ configuration: RouteConfiguration, _ path: String, _ problems: inout ProblemCollector) {
        _ = problems.nest(path) { () throws(ConfigurationError) in try configuration.validate() }
    }
}

extension Listener {
    /// Refuses filters whose rules for sharing answers differ: a listener has one set, and one filter's cache or coalescing
    /// would stand under another's rules, or be gone without a word.
    fileprivate func checkSharing(_ path: String, _ problems: inout ProblemCollector) {
        var rules: ResponseSharingRules?
        for (position, filter) in filters.enumerated() {
            guard case .policies(let policies) = filter, policies.sharesAnswers else { continue }
            problems.require(
                rules == nil || rules == policies.sharing,
                "\(path).filters[\(position)].sharing",
                "must be the same as in the listener's other filters with a response cache or coalescing"
            )
            rules = rules ?? policies.sharing
        }
    }
}

extension RouteConfiguration {
    /// Checks the virtual hosts and their routes.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        try validate(asPart: false)
    }

    /// The same of what one control plane among several has: routes that a listener names may be with another one.
    package func validate(asPart isPart: Bool) throws(ConfigurationError) {
        var problems = ProblemCollector()
        let (filters, headers) = (filters, headers)
        _ = problems.nest("headers") { () throws(ConfigurationError) in try headers.validate() }
        _ = problems.nest("filters") { () throws(ConfigurationError) in try filters.validate() }
        for (hostNumber, host) in virtualHosts.enumerated() {
            _ = problems.nest("virtualHosts[\(hostNumber)]") { () throws(ConfigurationError) in try host.validate() }
        }
        // Two virtual hosts with one domain are found by compiling the index that requests are looked up in.
        let hosts = virtualHosts.map { RouteTable<Void>.Host(name: $0.name, domains: $0.domains, routes: []) }
        _ = problems.nest("") { () throws(ConfigurationError) in try RouteTable(hosts) }
        try problems.throwIfAny()
    }
}

extension VirtualHost {
    /// Checks what it has of its own, and its routes; those of a tree by their place among all that it leads to.
    fileprivate func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.check(rateLimits)
        _ = problems.nest("headers") { () throws(ConfigurationError) in try headers.validate() }
        _ = problems.nest("filters") { () throws(ConfigurationError) in try filters.validate() }
        for (number, route) in routes.enumerated() {
            _ = problems.nest("routes[\(number)]") { () throws(ConfigurationError) in try route.validate() }
        }
        var routesOfTree: [Route] = []
        _ = matcher?.map {
            routesOfTree += $0.routes; return $0
        }
        for (number, route) in routesOfTree.enumerated() {
            _ = problems.nest("matcher.routes[\(number)]") { () throws(ConfigurationError) in try route.validate() }
        }
        try problems.throwIfAny()
    }
}

extension Route {
    /// Checks the policies of the route.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        try validate(asPart: false)
    }

    /// The same of what one control plane among several has: routes that a listener names may be with another one.
    package func validate(asPart isPart: Bool) throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let fault {
            _ = problems.nest("fault") { () throws(ConfigurationError) in try fault.validate() }
        }
        if let rateLimit {
            _ = problems.nest("rateLimit") { () throws(ConfigurationError) in try rateLimit.validate() }
        }
        _ = problems.nest("policies") { () throws(ConfigurationError) in try policies.validate(on: "route") }
        _ = problems.nest("headers") { () throws(ConfigurationError) in try headers.validate() }
        _ = problems.nest("filters") { () throws(ConfigurationError) in try filters.validate() }
        switch action {
        case .forward(let forward):
            if let retry = forward.retry {
                _ = problems.nest("retry") { () throws(ConfigurationError) in try retry.validate() }
            }
            for share in forward.shares {
                _ = problems.nest("clusters[\(share.cluster)].headers") { () throws(ConfigurationError) in
                    try share.headers.validate()
                }
            }
            for (cluster, fault) in forward.clusterFaults.sorted(by: { $0.key < $1.key }) {
                _ = problems.nest("clusterFaults[\(cluster)]") { () throws(ConfigurationError) in try fault.validate() }
            }
            for (cluster, filters) in forward.clusterFilters.sorted(by: { $0.key < $1.key }) {
                _ = problems.nest("clusterFilters[\(cluster)]") { () throws(ConfigurationError) in
                    try filters.validate()
                }
            }
            problems.check(forward.rateLimits)
            problems.require(forward.timeout != .zero, "timeout", "must be greater than 0; leave it out for none")
        case .directResponse(let reply):
            problems.require(
                (200...599).contains(reply.status),
                "directResponse.status",
                "must be from 200 to 599, is \(reply.status)"
            )
        case .redirect, .nonForwarding: break
        }
        try problems.throwIfAny()
    }
}

extension TrafficPolicies {
    /// Checks the policies of what is not a cluster.
    fileprivate func validate(on place: String) throws(ConfigurationError) {
        var problems = ProblemCollector()
        _ = problems.nest("") { () throws(ConfigurationError) in try validate() }
        problems.require(retryBudget == nil, "retryBudget", "belongs to a cluster, not to a \(place)")
        try problems.throwIfAny()
    }
}

extension Cluster {
    /// Checks the policies of the cluster.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        try validate(asPart: false)
    }

    /// The same of what one control plane among several has: routes that a listener names may be with another one.
    package func validate(asPart isPart: Bool) throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!name.isEmpty, "name", "is empty")
        problems.require(connectTimeout > .zero, "connectTimeout", "must be greater than 0")
        let balancing = loadBalancing.policy
        _ = problems.nest("loadBalancing") { () throws(ConfigurationError) in try balancing.validate() }
        problems.require(panicThreshold <= 100, "panicThreshold", "must be at most 100, is \(panicThreshold)")
        if case .zoneAware(let zones) = localities {
            _ = problems.nest("localities") { () throws(ConfigurationError) in try zones.validate() }
        }
        checkOverrideHosts(&problems)
        if let subsets {
            _ = problems.nest("subsets") { () throws(ConfigurationError) in try subsets.validate() }
        }
        if let outlierDetection {
            _ = problems.nest("outlierDetection") { () throws(ConfigurationError) in try outlierDetection.validate() }
        }
        if let healthCheck {
            _ = problems.nest("healthCheck") { () throws(ConfigurationError) in try healthCheck.validate() }
        }
        if let circuitBreaker {
            _ = problems.nest("circuitBreaker") { () throws(ConfigurationError) in try circuitBreaker.validate() }
        }
        problems.require(
            loadStatistics == nil || members.isEmpty,
            "loadStatistics",
            "is for the clusters to say that this one is made of"
        )
        if let metrics = loadStatistics?.metrics {
            _ = problems.nest("loadStatistics.metrics") { () throws(ConfigurationError) in try metrics.validate() }
        }
        _ = problems.nest("policies") { () throws(ConfigurationError) in try policies.validate() }
        _ = problems.nest("connection") { () throws(ConfigurationError) in try connection.validate() }
        if let serverName {
            problems.require(upstreamSecurity != .plaintext, "serverName", "there is no TLS to name a server in")
            problems.require(
                Self.isServerName(serverName),
                "serverName",
                "must be a DNS name of at most 255 bytes, is \"\(serverName)\""
            )
        }
        checkSecrets(&problems)
        if case .address(let proxy) = proxy { problems.require(!proxy.host.isEmpty, "proxy", "is empty") }
        _ = problems.nest("") { () throws(ConfigurationError) in try validateNames() }
        if case .fixed(let assignment) = discovery {
            _ = problems.nest("endpoints") { () throws(ConfigurationError) in try assignment.validate() }
        }
        try problems.throwIfAny()
    }
}

extension EndpointAssignment {
    /// Checks what gRFC A27 demands: priorities without gaps, each locality once a priority, each address once.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        struct Place: Hashable {
            var priority: UInt32
            var locality: Locality
        }
        var problems = ProblemCollector()
        var places: Set<Place> = []
        var addresses: Set<EndpointAddress> = []
        for (position, group) in localities.enumerated() {
            problems.require(
                places.insert(Place(priority: group.priority, locality: group.locality)).inserted,
                "localities[\(position)]",
                "the locality appears twice in priority \(group.priority)"
            )
            for (number, endpoint) in group.endpoints.enumerated() {
                let path = "localities[\(position)].endpoints[\(number)]"
                problems.require(
                    addresses.insert(endpoint.address).inserted,
                    path,
                    "the address \(endpoint.address) appears twice"
                )
                endpoint.validateAdditionalAddresses(at: path, seen: &addresses, &problems)
                problems.require(endpoint.weight >= 1, path + ".weight", "must be at least 1")
                problems.require(endpoint.proxy?.host.isEmpty != true, path + ".proxy", "is empty")
                let check = endpoint.healthCheck
                problems.require(check.address?.host.isEmpty != true, path + ".healthCheck.address", "is empty")
                problems.require(check.port != 0, path + ".healthCheck.port", "must be at least 1")
                problems.require(
                    check.port == nil || (check.address ?? endpoint.address).port != nil,
                    path + ".healthCheck.port",
                    "a Unix domain socket has no port"
                )
            }
        }
        problems.require(overprovisioningFactor > 0, "overprovisioningFactor", "must be at least 1")
        for (number, drop) in dropOverloads.enumerated() {
            problems.require(!drop.category.isEmpty, "dropOverloads[\(number)].category", "is empty")
        }
        let priorities = Set(localities.map(\.priority))
        if let highest = priorities.max(), priorities.count != Int(highest) + 1 {
            problems.note("localities", "priorities must run from 0 without a gap, the highest is \(highest)")
        }
        try problems.throwIfAny()
    }
}
