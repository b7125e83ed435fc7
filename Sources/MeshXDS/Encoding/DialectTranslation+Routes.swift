// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// What clients of gRPC would refuse, and with it every route of the table, is replaced or left out; what they do not
/// look at is reported.
extension DialectTranslation {
    /// A route table in the words of the dialect.
    mutating func translated(_ routes: RouteConfiguration, _ path: String) -> RouteConfiguration {
        var routes = routes
        for host in routes.virtualHosts.indices {
            let path = "\(path).virtual_hosts[\(host)]"
            routes.virtualHosts[host].routes = translated(routes.virtualHosts[host].routes, path)
            if let tree = routes.virtualHosts[host].matcher {
                if dialect == .grpc { report(path + ".matcher", "gRPC clients do not look at it; they find no route") }
                routes.virtualHosts[host].matcher = tree.mapActions { list in
                    .init(translated(list.routes, path + ".matcher"))
                }
            }
            guard dialect == .grpc else { continue }
            reportUnread(of: routes.virtualHosts[host], path)
            dropFilters(&routes.virtualHosts[host].filters, path)
        }
        if dialect == .grpc {
            reportUnread(routes.headers, path)
            dropFilters(&routes.filters, path)
            if !routes.mirrors.isEmpty { report(path + ".request_mirror_policies", Self.noMirrors) }
        }
        return routes
    }

    private static let noMirrors = "gRPC clients send no copies"

    private mutating func translated(_ routes: [Route], _ path: String) -> [Route] {
        var translated: [Route] = []
        translated.reserveCapacity(routes.count)
        for (number, route) in routes.enumerated() {
            var route = route
            let path = "\(path).routes[\(number)]"
            translate(&route, path)
            if case .redirect(let redirect) = route.action, case .rewritten(.template) = redirect.path {
                report(path + ".redirect", "xDS has no field for a template in a redirect; the path stays")
            }
            if dialect == .grpc, !translateForGRPC(&route, path) { continue }
            translated.append(route)
        }
        return translated
    }

    /// - Returns: Whether the route is sent at all.
    private mutating func translateForGRPC(_ route: inout Route, _ path: String) -> Bool {
        guard translateForGRPC(&route.match, path + ".match") else { return false }
        if route.rateLimit != nil {
            route.rateLimit = nil
            report(path + ".rate_limit", "gRPC has no rate limit")
        }
        dropFilters(&route.filters, path)
        if route.cors != nil {
            route.cors = nil
            report(path + ".cors", "gRPC has no CORS")
        }
        reportUnread(route.headers, path)
        route.headers = .none
        switch route.action {
        case .forward(var forward):
            guard translateForGRPC(&forward, path + ".route") else { return false }
            route.action = .forward(forward)
        case .directResponse:
            report(path + ".direct_response", "gRPC clients fail such calls with UNAVAILABLE")
        case .redirect:
            report(path + ".redirect", "gRPC clients fail such calls with UNAVAILABLE")
        case .nonForwarding: break
        }
        return true
    }

    /// - Returns: Whether gRPC matches no more calls by the conditions than are meant.
    private mutating func translateForGRPC(_ match: inout RouteMatch, _ path: String) -> Bool {
        switch match.path.pattern {
        case .separatedPrefix(let prefix):
            // gRPC refuses the field; the expression says the same.
            let pattern = "\(match.path.ignoresCase ? "(?i)" : "")\(RegularExpression.quoting(prefix))(/.*)?"
            guard let expression = try? RegularExpression(pattern) else { return drop(path) }
            match.path = PathMatcher(.regularExpression(expression))
        case .template, .connect: return drop(path)
        case .prefix, .exact, .regularExpression: break
        }
        guard match.queryParameters.isEmpty, match.cookies.isEmpty, match.certificate == nil, match.metadata.isEmpty
        else { return drop(path) }
        return true
    }

    private mutating func drop(_ path: String) -> Bool {
        report(path, "gRPC clients do not know a condition of it; the route is left out")
        return false
    }

    /// - Returns: Whether gRPC can send calls on as it says.
    private mutating func translateForGRPC(_ forward: inout RouteAction.Forward, _ path: String) -> Bool {
        guard case .clusters(let clusters) = forward.target, clusters.shares.allSatisfy({ $0.clusterHeader == nil })
        else {
            report(path, "gRPC clients take no cluster from a header; the route is left out")
            return false
        }
        if clusters.choice != .random { report(path + ".weighted_clusters", "gRPC clients choose at random") }
        if let plain = try? WeightedClusters(clusters.shares.map { WeightedCluster($0.cluster, weight: $0.weight) }) {
            if clusters.shares.contains(where: { !$0.headers.isEmpty || $0.host != nil }) {
                report(path + ".weighted_clusters", "gRPC clients change no headers")
            }
            forward.target = .clusters(plain)
        }
        // gRPC refuses `num_retries: 0`, and with it every route of the table.
        if forward.retry?.maximumAttempts == 1 { forward.retry = nil }
        let unread: [(String, Bool, String)] = [
            ("prefix_rewrite", forward.pathRewrite != nil, "gRPC clients do not change paths"),
            ("host_rewrite_specifier", forward.hostRewrite != nil, "gRPC clients do not change the authority so"),
            ("request_mirror_policies", forward.mirrors != nil, Self.noMirrors),
            ("internal_redirect_policy", forward.internalRedirects != nil, "gRPC clients follow no redirects"),
            ("idle_timeout", forward.idleTimeout != nil, "gRPC clients have no such timeout"),
            ("priority", forward.priority != .standard, "gRPC clients have one set of limits"),
            ("rate_limits", !forward.rateLimits.isEmpty, "gRPC has no rate limit"),
        ]
        for (field, isSet, reason) in unread where isSet { report("\(path).\(field)", reason) }
        for (cluster, filters) in forward.clusterFilters.sorted(by: { $0.key < $1.key }) {
            var filters = filters
            dropFilters(&filters, "\(path).weighted_clusters[\(cluster)]")
        }
        forward.clusterFilters = [:]
        forward.pathRewrite = nil
        forward.mirrors = nil
        forward.internalRedirects = nil
        forward.idleTimeout = nil
        forward.priority = .standard
        forward.rateLimits = []
        if forward.hostRewrite != .endpoint { forward.hostRewrite = nil }
        forward.hashPolicies.removeAll { policy in
            switch policy.source {
            case .header, .channel: return false
            case .cookie, .sourceAddress, .queryParameter, .filterState:
                report(path + ".hash_policy", "gRPC clients take hashes from headers and their channel only")
                return true
            }
        }
        return true
    }

    /// gRPC refuses settings of filters that it does not know; it knows those of authorization.
    private mutating func dropFilters(_ filters: inout FilterOverrides, _ path: String) {
        let authorization = translated(filters.authorization, path + ".typed_per_filter_config")
        filters.authorization = [:]
        defer { filters.authorization = authorization }
        if filters != .none { report(path + ".typed_per_filter_config", "gRPC has none of these filters") }
        filters = .none
    }

    private mutating func reportUnread(_ headers: HeaderMutations, _ path: String) {
        if !headers.isEmpty { report(path + ".headers", "gRPC clients change no headers") }
    }

    private mutating func reportUnread(of host: VirtualHost, _ path: String) {
        reportUnread(host.headers, path)
        if !host.mirrors.isEmpty { report(path + ".request_mirror_policies", Self.noMirrors) }
        if host.requiredTLS != .none { report(path + ".require_tls", "gRPC clients do not look at it") }
        if host.sendsAttemptCount || host.answersAttemptCount {
            report(path + ".include_request_attempt_count", "gRPC clients count in a header of their own")
        }
    }
}

extension MatcherTree {
    /// The tree with other actions at its leaves.
    func mapActions(_ change: (Action) -> Action) -> MatcherTree {
        var tree = self
        tree.root =
            switch root {
            case .list(let branches):
                .list(branches.map { Branch($0.predicate, $0.outcome.mapActions(change)) })
            case .exact(let input, let outcomes):
                .exact(input, outcomes.mapValues { $0.mapActions(change) })
            case .prefix(let input, let outcomes):
                .prefix(input, outcomes.mapValues { $0.mapActions(change) })
            }
        tree.otherwise = otherwise?.mapActions(change)
        return tree
    }
}

extension MatcherTree.Outcome {
    fileprivate func mapActions(_ change: (Action) -> Action) -> Self {
        switch step {
        case .tree(let tree): Self(.tree(tree.mapActions(change)), keepsMatching: keepsMatching)
        case .action(let action): Self(.action(change(action)), keepsMatching: keepsMatching)
        }
    }
}
