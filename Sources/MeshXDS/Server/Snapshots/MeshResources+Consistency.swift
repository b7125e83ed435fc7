// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshConfig
package import MeshCore
import MeshRouting

extension MeshResources {
    /// A configuration out of single resources.
    /// - Throws: `ConfigurationError` with every name that two resources of one kind have.
    package init(_ resources: [XDSResource]) throws(ConfigurationError) {
        var problems = ProblemCollector()
        var names: Set<ConfigurationError.Problem> = []
        self.init()
        for resource in resources {
            let place = ConfigurationError.Problem(path: "\(resource.kind.field)[\(resource.name)]", message: "")
            problems.require(names.insert(place).inserted, place.path, "stands there twice")
            switch resource {
            case .cluster(let cluster): clusters[cluster.name] = cluster
            case .endpointAssignment(let assignment): endpointAssignments[assignment.name] = assignment
            case .secret(let secret): secrets[secret.name] = secret
            case .listener(let listener): listeners[listener.name] = listener
            case .routeConfiguration(let routes): routeConfigurations[routes.name] = routes
            case .runtimeLayer(let layer): runtimeLayers.append(layer)
            case .unused: break
            }
        }
        try problems.throwIfAny()
    }

    /// What the resources name and what is not among them, and what stands under a name that is not its own.
    ///
    /// `validate` lets routes to missing clusters pass, because a data plane has to serve the rest. Who writes a
    /// configuration wants to know.
    package var inconsistencies: [ConfigurationError.Problem] {
        var problems = ProblemCollector()
        checkNames(&problems)
        for (name, listener) in listeners.sorted(by: { $0.key < $1.key }) {
            switch listener.routes {
            case .named(let routes):
                problems.require(
                    routeConfigurations[routes] != nil,
                    "listeners[\(name)].routes",
                    "there is no route configuration named \(routes)"
                )
            case .inline(let routes): check(routes, "listeners[\(name)].routes", &problems)
            }
        }
        for (name, routes) in routeConfigurations.sorted(by: { $0.key < $1.key }) {
            check(routes, "routeConfigurations[\(name)]", &problems)
        }
        for (name, listener) in listeners.sorted(by: { $0.key < $1.key }) {
            check(listener.secrets, "listeners[\(name)].secrets", &problems)
        }
        for (name, cluster) in clusters.sorted(by: { $0.key < $1.key }) {
            check(cluster.secrets, "clusters[\(name)].secrets", &problems)
            for member in cluster.members where clusters[member] == nil {
                problems.note("clusters[\(name)].members", "there is no cluster named \(member)")
            }
            guard let assignment = cluster.endpointAssignmentName, endpointAssignments[assignment] == nil else {
                continue
            }
            problems.note("clusters[\(name)]", "there is no endpoint assignment named \(assignment)")
        }
        return problems.problems
    }

    private func check(_ configuration: RouteConfiguration, _ path: String, _ problems: inout ProblemCollector) {
        check(configuration.mirrors, path, &problems)
        for (number, host) in configuration.virtualHosts.enumerated() {
            let path = "\(path).virtualHosts[\(number)]"
            check(host.mirrors, path, &problems)
            for (number, route) in host.routes.enumerated() { check(route, "\(path).routes[\(number)]", &problems) }
            var routesOfTree: [Route] = []
            _ = host.matcher?.map { list in
                routesOfTree += list.routes
                return list
            }
            for (number, route) in routesOfTree.enumerated() {
                check(route, "\(path).matcher.routes[\(number)]", &problems)
            }
        }
    }

    private func check(_ route: Route, _ path: String, _ problems: inout ProblemCollector) {
        guard case .forward(let forward) = route.action else { return }
        for share in forward.shares where clusters[share.cluster] == nil {
            problems.note(path + ".clusters", "there is no cluster named \(share.cluster)")
        }
        check(forward.mirrors ?? [], path, &problems)
    }

    private func check(_ mirrors: [RequestMirror], _ path: String, _ problems: inout ProblemCollector) {
        for (number, mirror) in mirrors.enumerated() {
            guard case .cluster(let name) = mirror.target, clusters[name] == nil else { continue }
            problems.note("\(path).mirrors[\(number)]", "there is no cluster named \(name)")
        }
    }

    private func check(_ reference: SecretReference?, _ path: String, _ problems: inout ProblemCollector) {
        guard let reference else { return }
        for name in [reference.validation] + (reference.certificate.map { [$0] } ?? []) where secrets[name] == nil {
            problems.note(path, "there is no secret named \(name)")
        }
    }

    private func checkNames(_ problems: inout ProblemCollector) {
        func check(_ field: String, _ names: some Sequence<(key: String, value: String)>) {
            for (key, name) in names.sorted(by: { $0.key < $1.key }) where key != name {
                problems.note("\(field)[\(key)]", "is named \(name)")
            }
        }
        check(ResourceKind.cluster.field, clusters.mapValues(\.name))
        check(ResourceKind.endpointAssignment.field, endpointAssignments.mapValues(\.name))
        check(ResourceKind.listener.field, listeners.mapValues(\.name))
        check(ResourceKind.routeConfiguration.field, routeConfigurations.mapValues(\.name))
        check(ResourceKind.secret.field, secrets.mapValues(\.name))
    }
}

extension ResourceKind {
    /// What `MeshResources` calls its resources.
    fileprivate var field: String {
        switch self {
        case .cluster: "clusters"
        case .endpointAssignment: "endpointAssignments"
        case .secret: "secrets"
        case .listener: "listeners"
        case .routeConfiguration: "routeConfigurations"
        case .runtimeLayer: "runtimeLayers"
        }
    }
}
