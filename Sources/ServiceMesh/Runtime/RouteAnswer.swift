// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshRouting

/// What a route answers in the place of an upstream.
@usableFromInline
final class RouteAnswer: Sendable {
    private enum Kind {
        case redirect(Redirect)
        /// To those who must come by TLS; the rest of the location stays as it is.
        case redirectToTLS(Redirect.Status)
        case reply(LocalReply)
        /// The route is one of servers.
        case none
    }

    private let kind: Kind
    private let match: PathMatcher
    private let headers: CompiledHeaderMutations
    private let routeName: String

    /// - Returns: `nil` if the route forwards.
    init?(_ route: Route, name: String, _ surroundings: RouteSurroundings) {
        switch route.action {
        case .redirect(let redirect):
            kind = route.isGuardian ? .redirectToTLS(redirect.status) : .redirect(redirect)
        case .directResponse(let reply): kind = .reply(reply)
        case .nonForwarding: kind = .none
        case .forward: return nil
        }
        match = route.match.path
        // A virtual host's own redirect is none of its routes, whose changes leave it alone.
        headers =
            route.isGuardian
            ? .none
            : CompiledHeaderMutations(
                route: route.headers,
                virtualHost: surroundings.hostHeaders,
                table: surroundings.tableHeaders,
                mostSpecificHeadersWin: surroundings.mostSpecificHeadersWin
            )
        routeName = name
    }

    /// The answer to a request, as the error that takes the place of a response.
    @usableFromInline
    func error(for request: some RequestHead, _ context: inout CallContext, _ mesh: Mesh) -> MeshError {
        var error: MeshError
        if case .redirect(let redirect) = kind, context.selection?.tellsSentRequests ?? false {
            var asked = request
            redirect.rewritePath(of: &asked, matchedBy: match)
            context.noteSentRequest(asked)
        }
        if let reply = reply(to: request, context, mesh) {
            error = MeshError(
                .directResponse,
                origin: .local,
                message: "the route answers by itself",
                localReply: reply
            )
        } else {
            // Envoy's answer, too: such a route names no cluster.
            error = MeshError(
                .clusterNotFound,
                origin: .local,
                message: "the route \(routeName) does not forward requests"
            )
        }
        error.route = routeName
        return error
    }

    /// Changes the answer of a filter as the route changes its own. Envoy's routes that answer by themselves change no other
    /// answers.
    func apply(
        toFilters reply: inout LocalReply,
        of request: some RequestHead,
        _ context: CallContext,
        _ mesh: Mesh
    ) {
        guard case .none = kind else { return }
        headers.apply(to: &reply, request: request, facts: FormatFacts(context, route: routeName, mesh))
    }

    /// The answer to a request; `nil` if there is none.
    func reply(to request: some RequestHead, _ context: CallContext, _ mesh: Mesh) -> LocalReply? {
        var reply: LocalReply
        // Formats see the path that a redirect leads to.
        var asked = request
        switch kind {
        case .none: return nil
        case .reply(let known):
            reply = known.adapted(to: request)
            // RFC 9110 §15: what is created is where it was asked for, unless the answer says otherwise.
            let leads = known.status == 201 || (300...399).contains(known.status)
            if leads, !known.headers.contains(where: { $0.name == "location" }) {
                reply.appendValue(Redirect().location(for: request, matchedBy: match), for: "location")
            }
        case .redirectToTLS(let status):
            reply = LocalReply(status: status.rawValue).adapted(to: request)
            reply.appendValue(Redirect.secureLocation(for: request), for: "location")
        case .redirect(let redirect):
            reply = LocalReply(status: redirect.status.rawValue).adapted(to: request)
            reply.appendValue(redirect.location(for: request, matchedBy: match), for: "location")
            redirect.rewritePath(of: &asked, matchedBy: match)
        }
        headers.apply(to: &reply, request: asked, facts: FormatFacts(context, route: routeName, mesh))
        return reply
    }
}
