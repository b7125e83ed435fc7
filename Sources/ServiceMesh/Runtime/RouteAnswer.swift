// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// What a route answers in the place of an upstream.
struct RouteAnswer: Sendable {
    private enum Kind {
        case redirect(Redirect)
        case reply(LocalReply)
    }

    private let kind: Kind
    private let match: PathMatcher
    private let headers: CompiledHeaderMutations
    private let cors: CORSPolicy?
    /// What the header mutation filter changes, after the route.
    private let filterHeaders: CompiledHeaderMutations
    private let routeName: String

    /// - Returns: `nil` if the route does not answer.
    init?(_ route: Route, name: String, _ surroundings: RouteSurroundings, filters: FilterChain) {
        switch route.action {
        case .redirect(let redirect): kind = .redirect(redirect)
        case .directResponse(let reply): kind = .reply(reply)
        case .forward, .nonForwarding: return nil
        }
        match = route.match.path
        headers = CompiledHeaderMutations(
            route: route.headers,
            virtualHost: surroundings.hostHeaders,
            table: surroundings.tableHeaders,
            mostSpecificHeadersWin: surroundings.mostSpecificHeadersWin
        )
        cors = route.cors
        filterHeaders = filters.mutations
        routeName = name
    }

    /// The answer to a request.
    func reply(to request: some RequestHead, _ context: CallContext, _ mesh: Mesh) -> LocalReply {
        let crossOrigin = cors?.decision(for: request, mesh.facts(of: context)) ?? .nothing
        if let preflight = crossOrigin.preflight { return preflight }
        var reply: LocalReply
        // Formats see the path that a redirect leads to.
        var asked = request
        switch kind {
        case .reply(let known): reply = known
        case .redirect(let redirect):
            let location = redirect.location(for: request, matchedBy: match)
            reply = LocalReply(status: redirect.status.rawValue, headers: [.init("location", location)])
            redirect.rewritePath(of: &asked, matchedBy: match)
        }
        let facts = FormatFacts(context, route: routeName, mesh)
        headers.apply(to: &reply, request: asked, facts: facts)
        filterHeaders.apply(to: &reply, request: asked, facts: facts)
        crossOrigin.apply(to: &reply)
        return reply
    }
}
