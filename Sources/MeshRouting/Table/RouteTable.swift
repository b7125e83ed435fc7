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
        /// A tree that chooses which of the routes are looked at, in place of the whole list: its actions are ranges of
        /// positions in `routes`. Default none.
        public var tree: MatcherTree<Range<Int>>?

        /// Creates a virtual host.
        public init(
            name: String,
            domains: [DomainPattern],
            routes: [(match: RouteMatch, value: Value)],
            tree: MatcherTree<Range<Int>>? = nil
        ) {
            self.name = name
            self.domains = domains
            self.routes = routes
            self.tree = tree
        }
    }

    /// How authorities and paths are read.
    public struct Options: Hashable, Sendable {
        /// Whether the port of an authority is left aside (`RouteConfiguration.ignore_port_in_host_matching`).
        public var ignoresPort: Bool
        /// Whether paths are compared without the parameters of their segments, which begin at a `;`
        /// (`RouteConfiguration.ignore_path_parameters_in_path_matching`).
        public var ignoresPathParameters: Bool
        /// Whose rules decide what conditions mean.
        public var semantics: RouteSemantics

        /// Creates options; by default nothing is left aside, and Envoy's rules hold.
        public init(
            ignoresPort: Bool = false,
            ignoresPathParameters: Bool = false,
            semantics: RouteSemantics = .envoy
        ) {
            self.ignoresPort = ignoresPort
            self.ignoresPathParameters = ignoresPathParameters
            self.semantics = semantics
        }
    }

    @usableFromInline let index: RouteIndex
    /// Every route's value, one host after the other.
    @usableFromInline let routeValues: [Value]

    /// Compiles a table.
    /// - Throws: `ConfigurationError` if two virtual hosts have the same domain.
    public init(_ hosts: [Host], options: Options = Options()) throws(ConfigurationError) {
        var domains = DomainIndex(ignoresPort: options.ignoresPort)
        var problems = ProblemCollector()
        for (position, host) in hosts.enumerated() {
            for domain in host.domains {
                if let other = domains.insert(domain, host: position) {
                    problems.note(
                        "virtualHosts[\(position)].domains",
                        "the domain \(domain.text) belongs to the virtual host \(hosts[other].name) already"
                    )
                }
            }
        }
        try problems.throwIfAny()
        self.init(hosts: hosts, domains: domains, options: options)
    }

    /// A table without hosts.
    public static var empty: RouteTable {
        RouteTable(hosts: [], domains: DomainIndex(), options: Options())
    }

    private init(index: RouteIndex, routeValues: [Value]) {
        self.index = index
        self.routeValues = routeValues
    }

    /// The same with other values at some positions of `values`; what is looked for is the same, and not compiled again.
    /// - Complexity: O(number of routes), to copy one reference of each.
    public func replacing(_ others: [Int: Value]) -> RouteTable {
        guard !others.isEmpty else { return self }
        var values = routeValues
        for (position, value) in others where values.indices.contains(position) { values[position] = value }
        return RouteTable(index: index, routeValues: values)
    }

    private init(hosts: [Host], domains: DomainIndex, options: Options) {
        self.index = RouteIndex(
            domains: domains,
            hosts: hosts.map {
                RouteIndex.Host(name: $0.name, domains: $0.domains, matches: $0.routes.map(\.match), tree: $0.tree)
            },
            ignoresPathParameters: options.ignoresPathParameters,
            semantics: options.semantics
        )
        self.routeValues = hosts.flatMap { $0.routes.map(\.value) }
    }

    /// Every route's value, in order.
    public var values: [Value] {
        routeValues
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
    /// - Parameter facts: What is known of the request besides its head; put together only where a route asks for it.
    /// - Complexity: O(length of authority and path), whatever the number of routes, where paths or one header's exact
    ///   values tell the routes apart. What they do not tell apart is looked at in order. No allocation.
    @inlinable
    public func decide(_ request: some RequestHead, facts: @autoclosure () -> RoutingFacts) -> Decision {
        guard let host = index.host(of: request.authority ?? "") else { return .noHost }
        // Most hosts have one route for all that comes, or one that comes before any other could be asked.
        if let open = index.openRoute(of: host), request.path.utf8.first == UInt8(ascii: "/") {
            return .route(host: host, route: 0, routeValues[open])
        }
        let found = index.firstRoute(
            of: host,
            path: request.path,
            facts: facts,
            field: { request.fieldOrPseudoField($0) },
            hasValue: { request.hasValue(of: $0, where: $1) },
            accepts: { $0.isMetBesidesPath(by: request, facts()) }
        )
        guard let found else { return .noRoute(host: host) }
        return .route(host: host, route: index.number(of: found, in: host), routeValues[found])
    }
}
