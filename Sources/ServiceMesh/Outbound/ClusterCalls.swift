// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// Calls that the mesh itself makes to a cluster, without a route: one attempt, with the cluster's limits, its TLS and its
/// endpoints' health.
package struct ClusterCalls<Leaf: Transport>: Sendable where Leaf.Request: RequestHead, Leaf.Response: ResponseHead {
    private let layer: AttemptLayer<Leaf>
    private let mesh: Mesh

    /// Creates calls over a transport.
    package init(mesh: Mesh, leaf: Leaf) {
        self.layer = AttemptLayer(leaf, mesh: mesh)
        self.mesh = mesh
    }

    /// Sends a request to a cluster and hands the response to `handle`, whose return ends the exchange.
    /// - Throws: `MeshError`, with code `clusterNotFound` if there is no such cluster; what `handle` throws.
    package func withResponse<Result>(
        to request: Leaf.Request,
        cluster name: String,
        timeout: Nanoseconds,
        _ handle: (Leaf.Response) async throws -> Result
    ) async throws -> Result {
        guard let cluster = mesh.loadSnapshot().clusters[name] else {
            throw MeshError(.clusterNotFound, origin: .local, message: "there is no cluster \(name)")
        }
        let now = mesh.clock.now
        var context = CallContext(now: now, deadline: Deadline(timeout, after: now))
        context.route = RouteSelection(copiesOf: "the mesh's own calls", to: name, cluster, at: now)
        context.random = mesh.random.next()
        let response = try await layer.send(request, context: &context)
        do {
            let result = try await handle(response)
            layer.finish(&context, .completed)
            return result
        } catch {
            layer.finish(&context, ExchangeEnding(error: error))
            throw error
        }
    }
}
