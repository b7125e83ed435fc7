// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

extension RouteLayer {
    /// Sends a request whose caller may ask for other timeouts and retries than the route's.
    ///
    /// The fields that ask for them end here. The route is chosen while they are there, as in Envoy.
    @usableFromInline
    func send<Layers: Transport>(
        _ request: Base.Request,
        under contract: EnvoyHeaderContract,
        through layers: Layers,
        _ context: inout CallContext
    ) async throws -> Base.Response where Layers.Request == Base.Request, Layers.Response == Base.Response {
        let deadline = context.deadline
        var admitted = request
        var contract = contract
        contract.internalOnlyHeaders = mesh.loadSnapshot().routes.internalOnlyHeaders
        contract.admit(&admitted)
        try route(admitted, &context)
        let wishes = EnvoyHeaderContract.takeWishes(from: &admitted)
        if wishes != .none, let selection = context.selection { context.route = selection.granting(wishes) }
        let response = try await layers.send(admitted, context: &context)
        guard context.selection?.followsRedirects ?? false else { return response }
        return try await follow(response, to: admitted, deadline, through: layers, &context)
    }
}
