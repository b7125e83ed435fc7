// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Answers in place of what fails, where the route says so.
///
/// The answer travels as an error with code `directResponse`, as that of a route that answers by itself does: the request
/// and response types are the adapter's, which turns it into a response. The failure is its cause.
public struct LocalAnswerLayer<Base: Transport>: Transport where Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends, and answers in place of an error and of a 5xx.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let reply = context.selection?.fallback else { return try await base.send(request, context: &context) }
        do {
            let response = try await base.send(request, context: &context)
            guard response.statusCode >= 500 else { return response }
            base.finish(&context, .discarded)
            throw fallenBack(to: reply, context, failure: nil, status: response.statusCode)
        } catch let failure as MeshError where Self.isReplaceable(failure) {
            throw fallenBack(to: reply, context, failure: failure, status: 0)
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    /// Whether somebody waits for an answer in the error's place: not whoever gave up, or made the failure himself.
    @usableFromInline
    static func isReplaceable(_ failure: MeshError) -> Bool {
        failure.code != .directResponse && failure.code != .cancelled && failure.origin != .downstream
            && !Task.isCancelled
    }

    @usableFromInline
    func fallenBack(
        to reply: LocalReply,
        _ context: CallContext,
        failure: MeshError?,
        status: Int
    ) -> MeshError {
        let route = context.selection?.routeName ?? ""
        mesh.observers.noticed(
            .policyActed(PolicyDecision(.fallback, name: route, .fellBack, because: failure?.reason ?? .failure))
        )
        var answer = MeshError(
            .directResponse,
            origin: .local,
            requestState: context.requestState,
            message: "the route's fallback answers in place of \(failure?.message ?? "status \(status)")",
            cause: failure,
            localReply: reply
        )
        answer.route = route
        return answer
    }
}
