// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
public import MeshConfig
import MeshCore

/// Manifests and workloads, ready to be turned into the configuration of any number of clients.
public struct PreparedManifests: Sendable {
    /// What is to be said about the manifests together with the workloads, in the order of the files.
    public let diagnostics: [Diagnostic]

    let model: ManifestModel
    let byHost: HostIndexes
    let directory: ServiceDirectory
    let security: WorkloadSecurity
    /// Whether some policy says by what requests find the same endpoint again.
    let usesHashes: Bool

    init(model: ManifestModel, workloads: [Workload], trustDomain: String, rootNamespace: String) {
        let resolution = DelegateResolution(model)
        var model = model
        model.routings = resolution.routings
        model.prepareConditions()
        let security = WorkloadSecurity(model: model, trustDomain: trustDomain, rootNamespace: rootNamespace)
        let directory = ServiceDirectory(workloads: workloads, definitions: model.services)
        let byHost = HostIndexes(model)
        var checker = ReferenceChecker(model: model, byHost: byHost, directory: directory, security: security)
        checker.check()
        self.model = model
        self.byHost = byHost
        self.security = security
        self.directory = directory
        self.usesHashes = model.hostPolicies.contains { $0.hashes }
        self.diagnostics = Array(Set(checker.diagnostics + directory.diagnostics + resolution.diagnostics)).sorted()
    }

    /// The resources of a client: all that it may call, and all that it serves.
    /// - Complexity: O(services and what is said about each).
    public func resources(for node: Node) -> MeshResources {
        let client = Client(node: node, directory: directory, security: security)
        let outbound = OutboundCompiler(manifests: self, client: client)
        let inbound = InboundCompiler(manifests: self, client: client)
        var resources = MeshResources()
        for service in directory.services where service.visibility.includes(node.namespace) {
            for port in service.ports { outbound.add(service, port: port, to: &resources) }
        }
        for address in node.inboundAddresses {
            let listener = inbound.listener(at: address)
            resources.listeners[listener.name] = listener
        }
        return resources
    }
}

/// A client with what follows from its place in the mesh.
struct Client: Sendable {
    let node: Node
    /// Its labels, as it says them or else as it is registered.
    let labels: [String: String]
    /// Where it runs, as it says itself or as it is registered, with its labels.
    let viewpoint: LocalityViewpoint
    /// Whether anything is known of its labels.
    let isKnown: Bool
    /// The full names of the services that it is an instance of.
    let services: Set<String>
    /// Whether it stays outside the mesh.
    let isOptedOut: Bool

    init(node: Node, directory: ServiceDirectory, security: WorkloadSecurity) {
        self.node = node
        let addresses = node.inboundAddresses
        // Policies that select a workload must not miss it because its client library sends no labels.
        let labels = node.labels ?? directory.labels(servedAt: addresses, namespace: node.namespace)
        self.labels = labels ?? [:]
        isKnown = labels != nil
        var place = node.locality
        if place == Locality() {
            place =
                Locality(label: self.labels)
                ?? directory.locality(servedAt: addresses, namespace: node.namespace) ?? place
        }
        viewpoint = LocalityViewpoint(place, labels: self.labels)
        services = directory.hosts(servedAt: addresses)
        isOptedOut = security.isOptedOut(labels: self.labels, namespace: node.namespace)
    }

    /// Whether a condition on clients holds.
    func meets(_ condition: SourceCondition) -> Bool {
        if condition.isEmpty { return true }
        guard isKnown, labels.satisfies(condition.labels) else { return false }
        if let namespace = condition.namespace, namespace != node.namespace { return false }
        guard let service = condition.service else { return true }
        if services.contains(service.text) { return true }
        // A client that serves nothing says by its label what it is, as everywhere in Istio.
        guard services.isEmpty, let app = labels["app"] else { return false }
        return HostPattern(app, namespace: node.namespace) == service
    }
}

extension HostPolicy {
    fileprivate var hashes: Bool {
        ([policy] + subsets.map(\.policy)).contains { policy in
            policy.hash != nil || policy.ports.values.contains { $0.hash != nil }
        }
    }
}

extension ManifestModel {
    /// Compiles the conditions of all rules, which no client changes.
    fileprivate mutating func prepareConditions() {
        for routing in routings.indices {
            for rule in routings[routing].rules.indices {
                for condition in routings[routing].rules[rule].conditions.indices {
                    routings[routing].rules[rule].conditions[condition].prepare()
                }
            }
        }
        for rule in routeRules.indices { routeRules[rule].condition?.prepare() }
    }
}
