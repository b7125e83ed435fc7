// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshRouting

extension RouteLayer {
    /// Follows the redirects that the selected route lets it follow.
    ///
    /// A request goes on as the route before changed it, by the route of where it is sent to and with that route's timeouts;
    /// what cannot be followed, for the request's sake or that route's, is the answer.
    /// - Parameter deadline: The caller's own.
    @usableFromInline
    func follow<Layers: Transport>(
        _ first: Base.Response,
        to request: Base.Request,
        _ deadline: Deadline,
        through layers: Layers,
        _ context: inout CallContext
    ) async throws -> Base.Response where Layers.Request == Base.Request, Layers.Response == Base.Response {
        var (current, response) = (request, first)
        var history = InternalRedirectHistory()
        while let selection = context.selection, let policy = selection.internalRedirects {
            let sent = mesh.sentRequest(context) as? Base.Request ?? current
            guard case .success(let next) = policy.following(response, to: sent, history: history) else { break }
            let snapshot = mesh.loadSnapshot()
            let decision = snapshot.decide(next.request, mesh.facts(of: context))
            guard
                case .route(_, _, let route) = decision,
                // What asks for `https` must not leave in cleartext: the caller gets the redirect.
                !mesh.leavesInCleartext(next.request, by: route),
                history.admits(route.name, from: selection.routeName, isDowngrade: next.isDowngrade, by: policy)
            else { break }
            history.follow(to: route.name, from: selection.routeName)
            layers.finish(&context, .discarded)
            context.deadline = deadline
            context.attemptedEndpoints = []
            context.priorityHistory = PriorityHistory()
            mesh.forgetSentRequest(&context)
            current = next.request
            try take(decision, by: snapshot, current, &context)
            response = try await layers.send(current, context: &context)
        }
        context.timePassed()
        return response
    }
}

extension Mesh {
    @usableFromInline
    func sentRequest(_ context: CallContext) -> (any RequestHead)? {
        context.filterState?.sentRequest
    }

    /// Whether a request asks for TLS and a route could send it without.
    @usableFromInline
    func leavesInCleartext(_ request: some RequestHead, by route: RouteRuntime) -> Bool {
        guard Endpoint.isSecure(request.scheme) else { return false }
        let named = route.namedSelections.lazy.flatMap { $0.values }
        return route.selections.contains { $0.isCleartext } || named.contains { $0.isCleartext }
    }

    @usableFromInline
    func forgetSentRequest(_ context: inout CallContext) {
        if context.filterState != nil { context.noteSentRequest(nil) }
    }
}
