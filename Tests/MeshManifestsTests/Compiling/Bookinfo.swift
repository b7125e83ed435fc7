// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting

/// Istio's Bookinfo, as its instances register.
enum Bookinfo {
    static let workloads = [
        workload("productpage", "v1", port: 1001),
        workload("details", "v1", port: 1002),
        workload("reviews", "v1", port: 1003),
        workload("reviews", "v2", port: 1004),
        workload("reviews", "v3", port: 1005, account: "reviews-v3"),
        workload("ratings", "v1", port: 1006),
        workload("ratings", "v1", port: 1007),
    ]

    static func workload(_ service: String, _ version: String, port: UInt16, account: String? = nil) -> Workload {
        Workload(
            id: "\(service)-\(version)-\(port)",
            service: service,
            address: EndpointAddress(host: "127.0.0.1", port: port),
            labels: ["app": service, "version": version],
            serviceAccount: account ?? service,
            speaksMutualTLS: true
        )
    }

    /// A workload as a client of the control plane.
    static func node(_ service: String, _ version: String = "v1") -> Node {
        let own = workloads.first { $0.labels == ["app": service, "version": version] }
        return Node(
            labels: ["app": service, "version": version],
            serviceAccount: own?.serviceAccount,
            inboundAddresses: own.map { [$0.address] } ?? []
        )
    }

    /// The name of a cluster.
    static func cluster(_ service: String, _ subset: String = "") -> String {
        "outbound|9080|\(subset)|\(service).default.svc.cluster.local"
    }

    /// What a client retries where no manifest says anything.
    static let standardRetry = RetryPolicy(
        maximumAttempts: 3,
        conditions: [.connectFailure, .refusedStream, .grpcUnavailable, .grpcCancelled, .resetBeforeRequest]
    )

    /// A route as it is compiled from a rule that says nothing but where to go.
    static func forward(
        _ name: String,
        _ shares: [(cluster: String, weight: UInt32)],
        match: RouteMatch = RouteMatch()
    ) throws -> Route {
        let clusters = try WeightedClusters(shares.map { WeightedCluster($0.cluster, weight: $0.weight) })
        let forward = RouteAction.Forward(clusters: clusters, retry: standardRetry)
        return Route(name: name, match: match, action: .forward(forward))
    }
}

/// Manifests compiled for one client.
struct Compilation {
    let resources: MeshResources
    let diagnostics: [Diagnostic]

    init(
        _ files: [ManifestFile],
        workloads: [Workload] = Bookinfo.workloads,
        for node: Node = Bookinfo.node("productpage")
    ) {
        let reading = ManifestReader.read(files)
        let compiled = ManifestCompiler(trustDomain: "mesh.test")
            .compile(reading.objects, workloads: workloads, for: node)
        resources = compiled.resources
        diagnostics = (reading.diagnostics + compiled.diagnostics).filter { $0.severity != .deprecation }
    }

    init(
        _ text: String,
        workloads: [Workload] = Bookinfo.workloads,
        for node: Node = Bookinfo.node("productpage")
    ) {
        self.init([ManifestFile(name: "mesh.yaml", text: text)], workloads: workloads, for: node)
    }

    /// The diagnostics as `line:column code`.
    var places: [String] { diagnostics.map { "\($0.line):\($0.column) \($0.code)" } }

    /// The routes to a service.
    func routes(_ service: String, port: UInt16 = 9080, namespace: String = "default") -> [Route]? {
        routes(host: "\(service).\(namespace).svc.cluster.local", port: port)
    }

    /// The routes to a host.
    func routes(host: String, port: UInt16) -> [Route]? {
        resources.routeConfigurations["\(host):\(port)"]?.virtualHosts.first?.routes
    }

    /// The ports of a cluster's endpoints.
    func ports(_ cluster: String) -> [UInt16?]? {
        resources.clusters[cluster].flatMap { resources.endpoints(of: $0) }?
            .localities.flatMap(\.endpoints).map(\.address.port)
    }

    /// The listener for what the client serves.
    var inbound: Listener? {
        resources.listeners.values.first { if case .inbound = $0.direction { true } else { false } }
    }
}
