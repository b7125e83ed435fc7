// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig

/// Turns manifests and the registered workloads into the configuration of each client.
///
/// Listeners, clusters and endpoint assignments have Istio's names: an outbound listener and its routes are called
/// `HOST:PORT`, a cluster and its endpoints `outbound|PORT|SUBSET|HOST` with an empty subset for the whole service, an
/// inbound listener `xds.istio.io/grpc/lds/inbound/IP:PORT`.
///
/// The same manifests and workloads always give the same resources, in whatever order the workloads come.
public struct ManifestCompiler: Sendable {
    /// The trust domain of the mesh's identities.
    public let trustDomain: String
    /// The namespace whose policies are for the whole mesh.
    public let rootNamespace: String

    /// Creates a compiler.
    /// - Parameters:
    ///   - trustDomain: The trust domain of the mesh's identities. Default `cluster.local`: Istio's `trustDomain`.
    ///   - rootNamespace: The namespace whose policies are for the whole mesh. Default `istio-system`: Istio's
    ///     `rootNamespace`.
    public init(trustDomain: String = "cluster.local", rootNamespace: String = "istio-system") {
        self.trustDomain = trustDomain
        self.rootNamespace = rootNamespace
    }

    /// Compiles for one client.
    ///
    /// Something is compiled from manifests with errors, too: whether to put it in force is for the caller to decide,
    /// by `hasErrors` of the reading's diagnostics and of these.
    /// - Returns: The client's resources, and what is to be said about the manifests together with the workloads. That
    ///   does not depend on the client.
    public func compile(
        _ objects: [Manifest],
        workloads: [Workload],
        for node: Node
    ) -> (resources: MeshResources, diagnostics: [Diagnostic]) {
        let manifests = prepare(objects, workloads: workloads)
        return (manifests.resources(for: node), manifests.diagnostics)
    }

    /// Does what is the same for all clients, once.
    public func prepare(_ objects: [Manifest], workloads: [Workload]) -> PreparedManifests {
        var model = ManifestModel()
        for object in objects { object.content.contribute(to: &model) }
        return PreparedManifests(
            model: model,
            workloads: workloads,
            trustDomain: trustDomain,
            rootNamespace: rootNamespace
        )
    }
}
