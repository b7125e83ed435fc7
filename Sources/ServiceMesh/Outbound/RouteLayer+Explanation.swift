// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RouteLayer {
    /// Sends a request that says whether its caller may know what decides it.
    ///
    /// The explanation and the decision are made by one configuration, whatever is pushed meanwhile.
    @usableFromInline
    func sendExplained<Layers: Transport>(
        _ request: Base.Request,
        through layers: Layers,
        _ context: inout CallContext
    ) async throws -> Base.Response where Layers.Request == Base.Request, Layers.Response == Base.Response {
        let snapshot = mesh.loadSnapshot()
        var asked = request
        guard let access = mesh.takeExplanationAccess(from: &asked) else {
            return try await sendByContract(asked, by: snapshot, through: layers, &context)
        }
        let explanation = mesh.explain(asked, by: snapshot)
        do {
            var response = try await sendByContract(asked, by: snapshot, through: layers, &context)
            let value = explanation.headerValue(context, maximumLength: access.maximumLength)
            response.setValue(value, for: ExplanationAccess.responseHeader)
            return response
        } catch let error as MeshError {
            guard var reply = error.localReply else { throw error }
            let value = explanation.headerValue(context, maximumLength: access.maximumLength)
            reply.setValue(value, for: ExplanationAccess.responseHeader)
            var explained = error
            explained.localReply = reply
            throw explained
        }
    }
}

extension Mesh {
    /// Whether a request has the field by which an explanation is asked for, where there are any.
    @inlinable
    func isAskedToExplain(_ request: some RequestHead) -> Bool {
        explains && request.value(of: ExplanationAccess.requestHeader) != nil
    }

    /// Takes that field from a request.
    /// - Returns: `nil` unless it was the secret.
    func takeExplanationAccess(from request: inout some RequestHead) -> ExplanationAccess? {
        guard let access = configuration.explanations else { return nil }
        let value = request.value(of: ExplanationAccess.requestHeader) ?? ""
        request.removeValues(of: ExplanationAccess.requestHeader)
        return access.admits(value) ? access : nil
    }
}
