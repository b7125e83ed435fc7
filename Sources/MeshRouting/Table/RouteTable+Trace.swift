// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RouteTable {
    /// How a decision came about, for people: it decides as ``decide(_:facts:)`` does, one route after the other.
    /// - Complexity: O(number of routes of the virtual host). It allocates.
    public func trace(_ request: some RequestHead, facts: RoutingFacts) -> Trace {
        guard let host = index.host(of: request.authority ?? "") else {
            return Trace(host: nil, domain: nil, passedOver: [], chosen: nil)
        }
        let steps = index.steps(of: host, request, facts)
        var passedOver: [(route: Int, mismatch: RouteMatch.Mismatch)] = []
        var chosen: (route: Int, value: Value)?
        for (number, mismatch) in steps {
            if let mismatch {
                passedOver.append((number, mismatch))
            } else {
                chosen = (number, routeValues[index.position(of: number, in: host)])
            }
        }
        return Trace(
            host: index.name(of: host),
            domain: index.domain(of: host, for: request.authority ?? ""),
            passedOver: passedOver,
            chosen: chosen
        )
    }

    /// How a decision came about.
    public struct Trace: Sendable {
        /// The virtual host's name; `nil` if none serves the authority.
        public let host: String?
        /// The domain of the virtual host by which it serves the authority.
        public let domain: DomainPattern?
        /// The routes before the chosen one, in order, each with the first condition that failed.
        public let passedOver: [(route: Int, mismatch: RouteMatch.Mismatch)]
        /// The route that was chosen.
        public let chosen: (route: Int, value: Value)?
    }
}
