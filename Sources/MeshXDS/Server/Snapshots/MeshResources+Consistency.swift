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
    /// configuration wants to know. What only another authority can have is no concern of who writes this one.
    package var inconsistencies: [ConfigurationError.Problem] {
        var problems = ProblemCollector()
        checkNames(&problems)
        let authorities = authorities
        for name in listeners.keys.sorted() {
            guard let listener = listeners[name] else { continue }
            switch listener.routes {
            case .named(let routes):
                problems.require(
                    routeConfigurations[routes] != nil || !authorities.contains(routes.resourceAuthority),
                    "listeners[\(name)].routes",
                    "there is no route configuration named \(routes)"
                )
            case .inline(let routes): check(routes, authorities, "listeners[\(name)].routes", &problems)
            }
        }
        for name in routeConfigurations.keys.sorted() {
            guard let routes = routeConfigurations[name] else { continue }
            check(routes, authorities, "routeConfigurations[\(name)]", &problems)
        }
        for name in listeners.keys.sorted() {
            guard let listener = listeners[name] else { continue }
            check(listener.secrets, authorities, "listeners[\(name)].secrets", &problems)
        }
        for name in clusters.keys.sorted() {
            guard let cluster = clusters[name] else { continue }
            check(cluster.secrets, authorities, "clusters[\(name)].secrets", &problems)
            for member in cluster.members where lacks(member, authorities) {
                problems.note("clusters[\(name)].members", "there is no cluster named \(member)")
            }
            guard let assignment = cluster.endpointAssignmentName, endpointAssignments[assignment] == nil,
                authorities.contains(assignment.resourceAuthority)
            else { continue }
            problems.note("clusters[\(name)]", "there is no endpoint assignment named \(assignment)")
        }
        return problems.problems
    }

    /// The authorities of the resources, `nil` for names of the old style among them.
    private var authorities: Set<Substring?> {
        let names = [
            Array(listeners.keys), Array(routeConfigurations.keys), Array(clusters.keys),
            Array(endpointAssignments.keys), Array(secrets.keys),
        ]
        return Set(names.lazy.joined().map(\.resourceAuthority))
    }

    /// Whether a cluster is not there though it would have to be.
    private func lacks(_ cluster: String, _ authorities: Set<Substring?>) -> Bool {
        clusters[cluster] == nil && authorities.contains(cluster.resourceAuthority)
    }

    private func check(
        _ configuration: RouteConfiguration,
        _ authorities: Set<Substring?>,
        _ path: String,
        _ problems: inout ProblemCollector
    ) {
        check(configuration.mirrors, authorities, path, &problems)
        for (number, host) in configuration.virtualHosts.enumerated() {
            let path = "\(path).virtualHosts[\(number)]"
            check(host.mirrors, authorities, path, &problems)
            for (number, route) in host.routes.enumerated() {
                check(route, authorities, "\(path).routes[\(number)]", &problems)
            }
            var routesOfTree: [Route] = []
            _ = host.matcher?.map { list in
                routesOfTree += list.routes
                return list
            }
            for (number, route) in routesOfTree.enumerated() {
                check(route, authorities, "\(path).matcher.routes[\(number)]", &problems)
            }
        }
    }

    private func check(
        _ route: Route,
        _ authorities: Set<Substring?>,
        _ path: String,
        _ problems: inout ProblemCollector
    ) {
        guard case .forward(let forward) = route.action else { return }
        for share in forward.shares where lacks(share.cluster, authorities) {
            problems.note(path + ".clusters", "there is no cluster named \(share.cluster)")
        }
        check(forward.mirrors ?? [], authorities, path, &problems)
    }

    private func check(
        _ mirrors: [RequestMirror],
        _ authorities: Set<Substring?>,
        _ path: String,
        _ problems: inout ProblemCollector
    ) {
        for (number, mirror) in mirrors.enumerated() {
            guard case .cluster(let name) = mirror.target, lacks(name, authorities) else { continue }
            problems.note("\(path).mirrors[\(number)]", "there is no cluster named \(name)")
        }
    }

    private func check(
        _ reference: SecretReference?,
        _ authorities: Set<Substring?>,
        _ path: String,
        _ problems: inout ProblemCollector
    ) {
        guard let reference else { return }
        for name in reference.names
        where secrets[name] == nil && !SecretReference.isOfFile(name) && authorities.contains(name.resourceAuthority) {
            problems.note(path, "there is no secret named \(name)")
        }
    }

    private func checkNames(_ problems: inout ProblemCollector) {
        func check(_ kind: ResourceKind, _ names: some Sequence<(key: String, value: String)>) {
            for (key, name) in names.sorted(by: { $0.key < $1.key }) {
                let path = "\(kind.field)[\(key)]"
                if key != name { problems.note(path, "is named \(name)") }
                if let problem = kind.problem(ofName: name) { problems.note(path, problem) }
            }
        }
        check(.cluster, clusters.mapValues(\.name))
        check(.endpointAssignment, endpointAssignments.mapValues(\.name))
        check(.listener, listeners.mapValues(\.name))
        check(.routeConfiguration, routeConfigurations.mapValues(\.name))
        check(.secret, secrets.mapValues(\.name))
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
    /// What is wrong with a name of the new style for a resource of the kind; `nil` if nothing is.
    fileprivate func problem(ofName name: String) -> String? {
        guard XDSResourceName.isNewStyle(name) else { return nil }
        do {
            let parsed = try XDSResourceName(name)
            guard parsed.type == rawValue else { return "is the name of a \(parsed.type), not of a \(rawValue)" }
            // Clients ask for it in this form.
            guard parsed.description == name else { return "is not in canonical form, which is \(parsed)" }
            return nil
        } catch {
            return "its name " + error.problems.map(\.message).joined(separator: ", ")
        }
    }
}
