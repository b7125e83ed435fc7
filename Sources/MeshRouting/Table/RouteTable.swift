// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A compiled route table: an authority and a request in, the first route that matches out.
///
/// The table knows nothing of what a route does; the caller's `Value` says that. It is immutable and never waits.
public struct RouteTable<Value: Sendable>: Sendable {
    /// One virtual host, before compilation.
    public struct Host: Sendable {
        /// Its name, for people.
        public var name: String
        /// The domains that it serves.
        public var domains: [DomainPattern]
        /// Its routes, in order.
        public var routes: [(match: RouteMatch, value: Value)]

        /// Creates a virtual host.
        public init(name: String, domains: [DomainPattern], routes: [(match: RouteMatch, value: Value)]) {
            self.name = name
            self.domains = domains
            self.routes = routes
        }
    }

    private let hosts: [Host]
    @usableFromInline let index: RouteIndex
    @usableFromInline let routeValues: [[Value]]

    /// Compiles a table.
    /// - Throws: `ConfigurationError` if two virtual hosts have the same domain.
    public init(_ hosts: [Host]) throws(ConfigurationError) {
        var index = DomainIndex()
        var problems = ProblemCollector()
        for (position, host) in hosts.enumerated() {
            for domain in host.domains {
                if let other = index.insert(domain, host: position) {
                    problems.note(
                        "virtualHosts[\(position)].domains",
                        "the domain \(domain.text) belongs to the virtual host \(hosts[other].name) already"
                    )
                }
            }
        }
        try problems.throwIfAny()
        index.seal()
        self.init(hosts: hosts, domains: index)
    }

    /// A table without hosts.
    public static var empty: RouteTable {
        RouteTable(hosts: [], domains: DomainIndex())
    }

    private init(hosts: [Host], domains: DomainIndex) {
        self.hosts = hosts
        self.index = RouteIndex(domains: domains, matches: hosts.map { $0.routes.map(\.match) })
        self.routeValues = hosts.map { $0.routes.map(\.value) }
    }

    /// Every route's value, in order.
    public var values: [Value] {
        routeValues.flatMap { $0 }
    }

    /// The answer to a request.
    public enum Decision: Sendable {
        /// A route matches.
        case route(host: Int, route: Int, Value)
        /// The virtual host is known, but none of its routes matches.
        case noRoute(host: Int)
        /// No virtual host serves the authority.
        case noHost
    }

    /// Whether some virtual host serves the authority.
    public func serves(_ authority: String) -> Bool {
        index.host(of: authority) != nil
    }

    /// Decides a request; the first route that matches wins.
    /// - Complexity: O(number of routes of the virtual host). No allocation unless the authority has upper-case letters.
    @inlinable
    public func decide(_ request: some RequestHead) -> Decision {
        guard let host = index.host(of: request.authority ?? "") else { return .noHost }
        let path = request.path
        var next = 0
        while let route = index.firstRoute(of: host, from: next, path: path) {
            if index.headers(of: host, route).allSatisfy({ $0.matches(request) }) {
                return .route(host: host, route: route, routeValues[host][route])
            }
            next = route + 1
        }
        return .noRoute(host: host)
    }

    /// Every route that was passed over, with the first condition that failed: for people.
    public func trace(_ request: some RequestHead) -> Trace {
        guard let position = index.host(of: request.authority ?? "") else {
            return Trace(host: nil, passedOver: [], chosen: nil)
        }
        let path = request.pathWithoutQuery
        var passedOver: [(route: Int, mismatch: RouteMatch.Mismatch)] = []
        for (number, route) in hosts[position].routes.enumerated() {
            guard let mismatch = route.match.firstMismatch(request, path: path) else {
                return Trace(host: hosts[position].name, passedOver: passedOver, chosen: (number, route.value))
            }
            passedOver.append((number, mismatch))
        }
        return Trace(host: hosts[position].name, passedOver: passedOver, chosen: nil)
    }

    /// How a decision came about.
    public struct Trace: Sendable {
        /// The virtual host's name; `nil` if none serves the authority.
        public let host: String?
        /// The routes before the chosen one, each with the condition that failed.
        public let passedOver: [(route: Int, mismatch: RouteMatch.Mismatch)]
        /// The route that was chosen.
        public let chosen: (route: Int, value: Value)?
    }
}
