// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshXDS

/// A file of xDS resources: what it is, is seen by its fields or its `@type`.
struct ResourceFile {
    /// What it holds, in order.
    private(set) var listeners: [Listener] = []
    /// Its route configurations, in order; those inside listeners are not among them.
    private(set) var routeConfigurations: [RouteConfiguration] = []
    /// Its clusters.
    private(set) var clusters: [Cluster] = []
    /// Its endpoints.
    private(set) var endpointAssignments: [EndpointAssignment] = []
    /// What was left out, each with its place, path and reason.
    private(set) var ignored: [String] = []

    private let file: String

    /// Reads a document.
    /// - Throws: Every problem, each with its place.
    init(_ root: DocumentNode, file: String) throws(InputError) {
        self.file = file
        var problems = DocumentProblems(file: file)
        add(root, &problems)
        try problems.throwIfAny()
    }

    /// What the file holds, as the mesh takes it.
    var resources: MeshResources {
        MeshResources(
            listeners: listeners,
            routeConfigurations: routeConfigurations,
            clusters: clusters,
            endpointAssignments: endpointAssignments
        )
    }

    /// The kinds of documents.
    private enum Kind {
        case bootstrap, list, listener, routeConfiguration, cluster, endpointAssignment
    }

    private mutating func add(_ node: DocumentNode, _ problems: inout DocumentProblems) {
        guard case .fields(let fields) = node.value else {
            problems.note(node.position, "", "must be an object, is \(node.typeName)")
            return
        }
        let document = ResourceDocument(node, file: file)
        do {
            switch Self.kind(of: fields) {
            case .bootstrap:
                let read = try document.bootstrap()
                listeners += read.resource.listeners.values.sorted { $0.name < $1.name }
                routeConfigurations += read.resource.routeConfigurations.values.sorted { $0.name < $1.name }
                clusters += read.resource.clusters.values.sorted { $0.name < $1.name }
                endpointAssignments += read.resource.endpointAssignments.values.sorted { $0.name < $1.name }
                note(read.ignored, &problems)
            case .list:
                // The form in which Envoy reads resources from files: a DiscoveryResponse.
                let resources = fields.first { $0.name == "resources" }?.value
                for element in resources?.elements(at: "resources", &problems) ?? [] { add(element, &problems) }
            case .listener: add(try document.listener(), to: \.listeners, &problems)
            case .routeConfiguration: add(try document.routeConfiguration(), to: \.routeConfigurations, &problems)
            case .cluster: add(try document.cluster(), to: \.clusters, &problems)
            case .endpointAssignment: add(try document.endpointAssignment(), to: \.endpointAssignments, &problems)
            case nil:
                problems.note(
                    node.position,
                    "",
                    "is no route configuration, listener, cluster, endpoint assignment or bootstrap by its fields; "
                        + "name its @type"
                )
            }
        } catch {
            problems.note(lines: error.problems.map(\.description))
        }
    }

    private mutating func add<Resource>(
        _ read: ReadResource<Resource>,
        to list: WritableKeyPath<ResourceFile, [Resource]>,
        _ problems: inout DocumentProblems
    ) {
        self[keyPath: list].append(read.resource)
        note(read.ignored, &problems)
    }

    /// A field that the API does not have is a mistake; one that is not supported is told and left out.
    private mutating func note(_ reports: [DocumentReport], _ problems: inout DocumentProblems) {
        problems.note(lines: reports.filter(\.isUnknownField).map { "\($0)" })
        ignored += reports.filter { !$0.isUnknownField }.map { "\($0)" }
    }

    private static func kind(of fields: [DocumentNode.Field]) -> Kind? {
        let names = Set(fields.map(\.name))
        if case .text(let type)? = fields.first(where: { $0.name == "@type" })?.value.value {
            switch type.split(separator: ".").last {
            case "Bootstrap": return .bootstrap
            case "DiscoveryResponse": return .list
            case "Listener": return .listener
            case "RouteConfiguration": return .routeConfiguration
            case "Cluster": return .cluster
            case "ClusterLoadAssignment": return .endpointAssignment
            default: return nil
            }
        }
        func has(_ candidates: String...) -> Bool { !names.isDisjoint(with: candidates) }
        if has("static_resources", "staticResources") { return .bootstrap }
        if has("resources") { return .list }
        if has("virtual_hosts", "virtualHosts") { return .routeConfiguration }
        if has("filter_chains", "filterChains", "api_listener", "apiListener", "default_filter_chain") {
            return .listener
        }
        if has("endpoints"), has("cluster_name", "clusterName") { return .endpointAssignment }
        if has("load_assignment", "loadAssignment", "eds_cluster_config", "edsClusterConfig", "lb_policy", "lbPolicy") {
            return .cluster
        }
        return nil
    }
}
