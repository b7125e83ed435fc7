// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore
public import MeshRouting

/// Previews what one route configuration makes of requests.
///
/// It is compiled once and never waits. It knows the table alone: whether the clusters exist, and what filters of a
/// listener would do, is not looked at.
public struct RoutePreviewer: Sendable {
    /// A route with all that stands above it.
    struct Candidate: Sendable {
        let place: RoutePreview.Place
        let route: Route
    }

    let configuration: RouteConfiguration
    /// The routes of each virtual host, those of trees among them.
    let routes: [[Route]]
    private let table: RouteTable<Candidate>

    /// Compiles a configuration.
    /// - Throws: `ConfigurationError` if two virtual hosts have the same domain.
    public init(_ configuration: RouteConfiguration) throws(ConfigurationError) {
        var hosts: [RouteTable<Candidate>.Host] = []
        var routes: [[Route]] = []
        for (position, host) in configuration.virtualHosts.enumerated() {
            let flat = host.flatRoutes
            let candidates = flat.routes.enumerated().map { number, route in
                let place = RoutePreview.Place(virtualHost: position, number: number, name: route.name)
                return (match: route.match, value: Candidate(place: place, route: route))
            }
            hosts.append(
                RouteTable.Host(name: host.name, domains: host.domains, routes: candidates, tree: flat.tree)
            )
            routes.append(flat.routes)
        }
        self.configuration = configuration
        self.routes = routes
        self.table = try RouteTable(
            hosts,
            options: RouteTable.Options(
                ignoresPort: configuration.ignoresPort,
                ignoresPathParameters: configuration.ignoresPathParameters
            )
        )
    }

    /// Previews a request.
    /// - Parameters:
    ///   - request: The request as the mesh gets it.
    ///   - facts: What is known of it besides its head.
    ///   - response: What the upstream answers, which the route changes. Where no upstream is asked its header fields
    ///     stand beside those of the mesh's own answer, as in Envoy's check tool.
    ///   - contract: Which of the caller's `x-envoy-*` fields are heeded; `nil` leaves them all as they are.
    /// - Complexity: O(number of routes of the virtual host).
    public func preview(
        _ request: PreviewedRequest,
        facts: RoutingFacts,
        response: PreviewedResponse = PreviewedResponse(),
        contract: EnvoyHeaderContract? = nil
    ) -> RoutePreview {
        preview(request, facts: facts, response: response, contract: contract, namesPassedOver: true)
    }

    /// The same, with or without the routes that were passed over: to name them takes a text for each.
    func preview(
        _ request: PreviewedRequest,
        facts: RoutingFacts,
        response: PreviewedResponse,
        contract: EnvoyHeaderContract?,
        namesPassedOver: Bool
    ) -> RoutePreview {
        var request = request
        contract?.admit(&request)
        var preview = RoutePreview(
            table: configuration.name,
            virtualHost: nil,
            domain: nil,
            passedOver: [],
            route: nil,
            virtualCluster: nil,
            outcome: .noVirtualHost,
            request: request,
            response: response
        )
        let position: Int
        var chosen: Candidate?
        switch table.decide(request, facts: facts) {
        case .noHost: return preview
        case .noRoute(let host): position = host
        case .route(let host, _, let candidate): (position, chosen) = (host, candidate)
        }
        let trace = namesPassedOver ? table.trace(request, facts: facts) : nil
        let host = configuration.virtualHosts[position]
        preview.virtualHost = host.name
        preview.domain = trace?.domain?.text
        if host.requiresTLS(for: request) {
            preview.answer(.redirect(location: Redirect.secureLocation(for: request), status: 301))
            return preview
        }
        preview.passedOver = (trace?.passedOver ?? []).map { passed in
            let name = routes[position].indices.contains(passed.route) ? routes[position][passed.route].name : ""
            return RoutePreview.PassedOver(
                route: RoutePreview.Place(virtualHost: position, number: passed.route, name: name),
                reason: passed.mismatch.description
            )
        }
        guard let candidate = chosen else {
            preview.outcome = .noRoute
            return preview
        }
        preview.route = candidate.place
        preview.virtualCluster = VirtualCluster.name(of: request, among: host.virtualClusters)
        switch candidate.route.action {
        case .forward(let forward):
            let wishes = contract.map { _ in EnvoyHeaderContract.takeWishes(from: &preview.request) } ?? .none
            RouteForwarding(candidate: candidate, forward: forward, host: host, table: configuration, wishes: wishes)
                .apply(to: &preview, facts: facts)
        case .redirect(let redirect):
            let match = candidate.route.match.path
            let location = redirect.location(for: request, matchedBy: match)
            redirect.rewritePath(of: &preview.request, matchedBy: match)
            preview.answer(.redirect(location: location, status: redirect.status.rawValue))
            changes(candidate, host).apply(to: &preview.response, request: preview.request, facts: FormatFacts())
        case .directResponse(let reply):
            preview.answer(.directResponse(status: reply.status, body: reply.body))
            for header in reply.headers { preview.response.setValue(header.value, for: header.name) }
            changes(candidate, host).apply(to: &preview.response, request: preview.request, facts: FormatFacts())
        case .nonForwarding:
            preview.outcome = .nonForwarding
        }
        return preview
    }

    private func changes(_ candidate: Candidate, _ host: VirtualHost) -> HeadChanges {
        HeadChanges(
            route: candidate.route.headers,
            virtualHost: host.headers,
            table: configuration.headers,
            mostSpecificHeadersWin: configuration.mostSpecificHeadersWin,
            match: candidate.route.match.path
        )
    }
}

extension RoutePreview {
    /// Notes that the mesh itself answers, and the head that it answers with before the route changes it.
    fileprivate mutating func answer(_ outcome: Outcome) {
        self.outcome = outcome
        switch outcome {
        case .redirect(let location, let status):
            response.statusCode = status
            response.setValue(location, for: "location")
        case .directResponse(let status, let body):
            response.statusCode = status
            guard !body.isEmpty else { return }
            response.setValue(String(body.utf8.count), for: "content-length")
            response.setValue("text/plain", for: "content-type")
        case .noVirtualHost, .noRoute, .forward, .nonForwarding: break
        }
    }
}

extension VirtualHost {
    /// Whether a request must come by TLS and did not (`VirtualHost.require_tls`).
    func requiresTLS(for request: some RequestHead) -> Bool {
        guard requiredTLS != .none else { return false }
        // A proxy in front says by what scheme the caller came.
        let forwarded = request.value(of: "x-forwarded-proto") ?? ""
        guard (forwarded.isEmpty ? request.scheme ?? "" : forwarded) != "https" else { return false }
        return requiredTLS == .all || request.value(of: "x-envoy-internal") != "true"
    }
}
