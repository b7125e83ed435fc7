// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshRouting

extension RouteLayer {
    /// Sends a request whose caller may ask for other timeouts and retries than the route's.
    ///
    /// The fields that ask for them end here. The route is chosen while they are there, as in Envoy. Without a contract
    /// they are fields like any other.
    @usableFromInline
    func sendByContract<Layers: Transport>(
        _ request: Base.Request,
        by snapshot: RuntimeSnapshot,
        through layers: Layers,
        _ context: inout CallContext
    ) async throws -> Base.Response where Layers.Request == Base.Request, Layers.Response == Base.Response {
        let deadline = context.deadline
        var admitted = request
        mesh.admit(&admitted, by: snapshot)
        context.random = snapshot.routes.needsRandom ? mesh.random.next() : 0
        try take(snapshot.decide(admitted, mesh.facts(of: context)), by: snapshot, admitted, &context)
        let wishes = mesh.hasHeaderContract ? EnvoyHeaderContract.takeWishes(from: &admitted) : .none
        if wishes != .none, let selection = context.selection { context.route = selection.granting(wishes) }
        let response = try await layers.send(admitted, context: &context)
        guard context.selection?.followsRedirects ?? false else { return response }
        return try await follow(response, to: admitted, deadline, through: layers, &context)
    }
}

extension Mesh {
    /// Takes from a request what its caller may not say.
    func admit(_ request: inout some RequestHead, by snapshot: RuntimeSnapshot) {
        guard var contract = headerContract else { return }
        contract.internalOnlyHeaders = snapshot.routes.internalOnlyHeaders
        contract.admit(&request)
    }
}
