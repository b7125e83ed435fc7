// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Finds what is said about a host without looking at what is said about all the others.
struct HostIndex<Element: Sendable>: Sendable {
    private struct Place: Sendable {
        var position: Int
        var host: HostPattern
        var element: Element
    }

    private var exact: [String: [Place]] = [:]
    private var wildcards: [Place] = []

    /// - Parameter hosts: The hosts that an element is about.
    init(_ elements: [Element], hosts: (Element) -> [HostPattern]) {
        for (position, element) in elements.enumerated() {
            for host in hosts(element) {
                let place = Place(position: position, host: host, element: element)
                if host.isWildcard {
                    wildcards.append(place)
                } else {
                    exact[host.text, default: []].append(place)
                }
            }
        }
    }

    /// The elements that are about a host, in their order, each with how well its host fits.
    func elements(for host: String) -> [(element: Element, host: HostPattern)] {
        var places = exact[host] ?? []
        // A service may be called by its name without the domain.
        let domain = "." + HostPattern.serviceDomain
        if host.hasSuffix(domain) { places += exact[String(host.dropLast(domain.count))] ?? [] }
        places += wildcards.filter { $0.host.matches(host) }
        return places.sorted { $0.position < $1.position }.map { ($0.element, $0.host) }
    }
}

/// What the manifests say about hosts, by host.
struct HostIndexes: Sendable {
    /// The routings that apply to traffic between services.
    let routings: HostIndex<HostRouting>
    let hostPolicies: HostIndex<HostPolicy>
    let routeRules: HostIndex<RouteRule>
    let destinationPolicies: HostIndex<DestinationPolicy>
    /// The destinations of the first API's rules, by which some workloads of a service become a subset.
    let shares: HostIndex<TrafficShare>

    init(_ model: ManifestModel) {
        routings = HostIndex(model.routings.filter(\.appliesToMesh)) { $0.hosts.map(\.value) }
        hostPolicies = HostIndex(model.hostPolicies) { [$0.host.value] }
        routeRules = HostIndex(model.routeRules) { [$0.destination.value] }
        destinationPolicies = HostIndex(model.destinationPolicies) { [$0.destination.value] }
        shares = HostIndex(model.routeRules.flatMap(\.shares)) { [$0.host.value] }
    }
}
