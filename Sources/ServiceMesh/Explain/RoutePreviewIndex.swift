// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore
public import MeshRouting

/// Previews what all outbound listeners of a configuration, together, make of requests.
///
/// Names are claimed by listeners as in a running mesh: the first that has a domain keeps it, and `*` means the
/// listener's own name. Requests by `https` that name no port are looked up as they are written.
public struct RoutePreviewIndex: Sendable {
    /// What became of a request.
    public struct Finding: Sendable {
        /// The listener; `nil` if none serves the authority.
        public var listener: String?
        /// What the listener's routes make of the request; `nil` if there is no listener.
        public var preview: RoutePreview?
        /// The cluster that the request goes to; `nil` if it goes to none, or to one that is not there.
        public var cluster: Cluster?
        /// How many endpoints the cluster has; `nil` if nobody knows.
        public var endpoints: Int?
    }

    private let resources: MeshResources
    private let listeners: [(name: String, previewer: RoutePreviewer)]
    /// The position of the listener that claims an authority.
    private let claims: RouteTable<Int>

    /// Compiles a configuration.
    /// - Parameter catchAllListener: The listener that takes what no other does, whose `*` means every name; `nil` for
    ///   none.
    /// - Throws: `ConfigurationError` if a table cannot be compiled.
    public init(_ resources: MeshResources, catchAllListener: String? = nil) throws(ConfigurationError) {
        var listeners: [(name: String, previewer: RoutePreviewer)] = []
        var hosts: [RouteTable<Int>.Host] = []
        var claimed: Set<DomainPattern> = []
        // The first that claims a name keeps it: those without a port come first, then port 80, then by port.
        for (name, listener) in resources.listenersInOrderOfClaims {
            guard case .outbound = listener.direction, let table = resources.routes(of: listener) else { continue }
            for host in table.virtualHosts {
                let domains = host.names(on: listener, isCatchAll: name == catchAllListener)
                    .filter { claimed.insert($0).inserted }
                let everything = RouteMatch(path: PathMatcher(.prefix("")))
                hosts.append(
                    RouteTable.Host(name: host.name, domains: domains, routes: [(everything, listeners.count)])
                )
            }
            listeners.append((name, try RoutePreviewer(table)))
        }
        self.resources = resources
        self.listeners = listeners
        self.claims = try RouteTable(hosts)
    }

    /// Previews a request: see `RoutePreviewer.preview`.
    public func preview(
        _ request: PreviewedRequest,
        facts: RoutingFacts,
        response: PreviewedResponse = PreviewedResponse(),
        contract: EnvoyHeaderContract? = nil
    ) -> Finding {
        guard case .route(_, _, let position) = claims.decide(request, facts: facts) else { return Finding() }
        let (name, previewer) = listeners[position]
        let preview = previewer.preview(request, facts: facts, response: response, contract: contract)
        let cluster = preview.forwarding?.cluster.flatMap { resources.clusters[$0] }
        let endpoints = cluster.flatMap { resources.endpoints(of: $0) }
        return Finding(
            listener: name,
            preview: preview,
            cluster: cluster,
            endpoints: endpoints.map { $0.localities.reduce(0) { $0 + $1.endpoints.count } }
        )
    }
}

extension RoutePreviewIndex.Finding: CustomStringConvertible {
    /// What there is to say, fact by fact.
    public var facts: [Explanation.Fact] {
        var facts = [Explanation.Fact(name: "listener", value: listener ?? "none serves the authority")]
        if let preview { facts += preview.facts }
        guard preview?.forwarding?.cluster != nil else { return facts }
        var text = "the cluster does not exist in the configuration"
        if cluster != nil { text = endpoints.map(String.init) ?? "not in the configuration" }
        facts.append(Explanation.Fact(name: "endpoints", value: text))
        return facts
    }

    /// The facts, one a line.
    public var description: String { Explanation.lines(of: facts) }
}
