// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting

/// A table of one virtual host, `h`, whose values are the routes' numbers.
struct TableFixture {
    let table: RouteTable<Int>

    init(
        _ matches: [RouteMatch],
        domains: [DomainPattern] = [.any],
        tree: MatcherTree<Range<Int>>? = nil,
        options: RouteTable<Int>.Options = .init()
    ) throws {
        let routes = matches.enumerated().map { (match: $0.element, value: $0.offset) }
        table = try RouteTable(
            [RouteTable.Host(name: "h", domains: domains, routes: routes, tree: tree)],
            options: options
        )
    }

    /// The number of the route that takes the request; `nil` if none does.
    func route(
        _ request: InMemoryRequest = InMemoryRequest(),
        facts: RoutingFacts = RoutingFacts(random: 0)
    ) -> Int? {
        if case .route(_, let number, let value) = table.decide(request, facts: facts) {
            return number == value ? value : nil
        }
        return nil
    }

    /// Whether the only route takes the request.
    static func takes(
        _ match: RouteMatch,
        _ request: InMemoryRequest,
        facts: RoutingFacts = RoutingFacts(random: 0),
        semantics: RouteSemantics = .envoy
    ) throws -> Bool {
        try TableFixture([match], options: .init(semantics: semantics)).route(request, facts: facts) == 0
    }
}
