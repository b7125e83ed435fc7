// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// The routes of a virtual host in one list, with the tree that chooses among them, if it has one.
struct RoutePlan {
    /// The routes: in front the one that sends those to `https` who must come by it, then the others, those at the tree's
    /// leaves among them.
    let routes: [Route]
    /// What chooses the range that is looked at; `nil` for all of them.
    let tree: MatcherTree<Range<Int>>?

    init(_ host: VirtualHost) {
        let flat = host.flatRoutes
        guard let guardian = host.requiredTLS.guardian else {
            self.routes = flat.routes
            self.tree = flat.tree
            return
        }
        self.routes = [guardian.route] + flat.routes
        self.tree = flat.tree.map { tree in
            let branch = MatcherTree<Range<Int>>.Branch(guardian.predicate, .init(.action(0..<1)))
            let behind = tree.map { range in range.lowerBound + 1..<range.upperBound + 1 }
            return MatcherTree(.list([branch]), otherwise: .init(.tree(behind)))
        }
    }
}

extension Route {
    /// The name of the route that sends those to `https` who must come by it. No configuration may have it: its names are
    /// not checked for that, and so the condition on TLS is looked at, too.
    fileprivate static let guardianName = "require_tls"

    /// Whether it is that route.
    var isGuardian: Bool {
        guard name == Self.guardianName, case .redirect(let redirect) = action else { return false }
        return redirect == Redirect(scheme: "https") && match.headers.first?.name == ":scheme"
    }
}

extension VirtualHost.RequiredTLS {
    /// The route of those who must come by TLS and do not, and the same condition for trees; `nil` where nobody must.
    fileprivate var guardian: (route: Route, predicate: MatcherPredicate)? {
        // Each is an input and the only text that exempts from the redirect.
        let exemptions: [(HeaderName, String)]
        switch self {
        case .none: return nil
        case .all: exemptions = [(":scheme", "https")]
        case .external: exemptions = [(":scheme", "https"), ("x-envoy-internal", "true")]
        }
        let headers = exemptions.map { name, text in
            HeaderMatcher(name, .value(StringMatcher(.exact(text))), isInverted: true, treatsMissingAsEmpty: true)
        }
        let route = Route(
            name: Route.guardianName,
            match: RouteMatch(headers: headers),
            action: .redirect(Redirect(scheme: "https"))
        )
        let predicates = exemptions.map { MatcherPredicate.not(.value(.header($0), StringMatcher(.exact($1)))) }
        return (route, .all(predicates))
    }
}
