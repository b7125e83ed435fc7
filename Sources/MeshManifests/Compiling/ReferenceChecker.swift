// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Finds what is wrong with manifests only when they are seen together, and with the registered workloads.
struct ReferenceChecker {
    var diagnostics: [Diagnostic] = []
    let model: ManifestModel
    let byHost: HostIndexes
    let directory: ServiceDirectory
    let security: WorkloadSecurity

    init(model: ManifestModel, byHost: HostIndexes, directory: ServiceDirectory, security: WorkloadSecurity) {
        self.model = model
        self.byHost = byHost
        self.directory = directory
        self.security = security
    }

    mutating func check() {
        checkRoutings()
        checkLegacyRouting()
        checkPolicies()
        checkConnectionPools()
        checkServices()
        checkPeerAuthentications()
        checkMixer()
        checkIdentities()
    }

    mutating func report(
        _ severity: Diagnostic.Severity,
        _ code: Diagnostic.Code,
        at position: SourcePosition,
        _ message: String
    ) {
        diagnostics.append(Diagnostic(severity, code, at: position, message))
    }

    private mutating func checkRoutings() {
        var places: [String: HostRouting] = [:]
        for routing in model.routings where routing.appliesToMesh {
            for host in routing.hosts {
                checkHost(host)
                if let first = places[host.value.text] {
                    let names = "\(first.metadata.qualifiedName) (\(first.metadata.position))"
                    report(
                        .warning,
                        .competingRoutes,
                        at: host.position,
                        "\(host.value.text) is routed by \(names) already, which is in force; "
                            + "\(routing.metadata.qualifiedName) has no effect for it"
                    )
                } else {
                    places[host.value.text] = routing
                }
            }
            for rule in routing.rules {
                guard case .forward(let shares) = rule.action else { continue }
                for share in shares {
                    check(share.destination, otherwise: "requests for it would be answered with 503")
                }
                for copy in rule.mirroring.copies {
                    check(copy.destination, otherwise: "copies of requests for it would go nowhere")
                }
            }
        }
    }

    mutating func checkHost(_ host: Located<HostPattern>) {
        guard !directory.knows(host.value) else { return }
        let suggestion = NearestName.suggestion(for: host.value.text, among: directory.services.map(\.host))
        report(.warning, .unknownHost, at: host.position, "no service has the host \(host.value.text)\(suggestion)")
    }

    /// - Parameter consequence: What comes of a subset that nobody defines.
    private mutating func check(_ destination: TrafficDestination, otherwise consequence: String) {
        checkHost(destination.host)
        let service = directory.service(destination.host.value)
        if let service, let port = destination.port, !service.ports.contains(UInt16(port.value)) {
            let ports = service.ports.map(String.init).joined(separator: ", ")
            report(
                .warning,
                .unknownPort,
                at: port.position,
                "\(service.host) has no port \(port.value), only \(ports)"
            )
        }
        guard case .named(let name) = destination.subset else { return }
        let host = service?.host ?? destination.host.value.text
        let subsets = byHost.hostPolicies.elements(for: host).flatMap(\.element.subsets).map(\.name.value)
        guard !subsets.contains(name.value) else { return }
        let suggestion = NearestName.suggestion(for: name.value, among: subsets)
        report(
            .error,
            .unknownSubset,
            at: name.position,
            "no DestinationRule of \(host) defines the subset \(name.value); \(consequence)\(suggestion)"
        )
    }

    private mutating func checkLegacyRouting() {
        for rule in model.routeRules {
            checkHost(rule.destination)
            for share in rule.shares where share.host.value != rule.destination.value { checkHost(share.host) }
        }
        for host in Set(model.routeRules.map(\.destination.value.text)).sorted() {
            let rules = byHost.routeRules.elements(for: host).map(\.element)
            if let routing = byHost.routings.elements(for: host).first?.element {
                for rule in rules {
                    report(
                        .warning,
                        .competingRoutes,
                        at: rule.metadata.position,
                        "the RouteRule \(rule.metadata.qualifiedName) has no effect: \(host) is routed by the "
                            + "VirtualService \(routing.metadata.qualifiedName) (\(routing.metadata.position))"
                    )
                }
                continue
            }
            checkReach(of: LegacyRouting(rules))
        }
    }

    private mutating func checkReach(of routing: LegacyRouting) {
        for rule in routing.unreachable {
            report(
                .warning,
                .unreachableRule,
                at: rule.metadata.position,
                "no request reaches the RouteRule \(rule.metadata.qualifiedName): a rule without conditions comes first"
            )
        }
        let disturbed = routing.rules.flatMap { rule -> [TrafficShare] in
            guard rule.fault == nil, case .forward(let shares) = rule.trafficRule.action else { return [] }
            return shares
        }.compactMap { routing.fault(for: $0)?.rule.metadata }
        for disturbance in routing.disturbances where !disturbed.contains(disturbance.rule.metadata) {
            let metadata = disturbance.rule.metadata
            report(
                .warning,
                .unreachableRule,
                at: metadata.position,
                "the fault of the RouteRule \(metadata.qualifiedName) hits nobody: no other rule sends anything to its "
                    + "labels"
            )
        }
    }
}
