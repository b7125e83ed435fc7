// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// What a forwarding route makes of a previewed request.
struct RouteForwarding {
    let candidate: RoutePreviewer.Candidate
    let forward: RouteAction.Forward
    let host: VirtualHost
    let table: RouteConfiguration

    /// What the caller asks for, where it may.
    let wishes: CallerWishes

    /// Chooses the cluster and changes both heads.
    func apply(to preview: inout RoutePreview, facts: RoutingFacts) {
        let request = preview.request
        let known = HashPolicies.Facts(sourceAddress: facts.sourceAddress, channel: facts.random)
        let hash = HashPolicies(forward.hashPolicies).hash(of: request, facts: known)
        var share: Int?
        var cluster: String?
        switch forward.target {
        case .header(let name): cluster = ClusterSpecifier.clusterName(in: name, of: request)
        case .clusters(let clusters):
            let position = clusters.position(for: request, random: facts.random, hash: hash)
            cluster = clusters.clusterName(at: position, for: request)
            if clusters.shares.count > 1 { share = position }
        }
        let timeouts = self.timeouts
        preview.outcome = .forward(
            RoutePreview.Forwarding(
                cluster: cluster,
                share: share,
                chance: share.flatMap(chance),
                routeTimeout: forward.timeout,
                timeout: timeouts.total,
                perTryTimeout: timeouts.attempt,
                attempts: attempts,
                retryConditions: retryConditions,
                hash: hash,
                hashSources: forward.hashPolicies.map { policy in
                    let one = HashPolicies([policy]).hash(of: request, facts: known)
                    return "\(policy.text): \(one == nil ? "absent" : "found")"
                },
                mirrors: mirrors(of: request, facts),
                takesEndpointName: forward.hostRewrite == .endpoint
            )
        )
        let changes = HeadChanges(
            share: share.flatMap { forward.shares.indices.contains($0) ? forward.shares[$0] : nil }
                ?? (forward.shares.count == 1 ? forward.shares[0] : nil),
            route: candidate.route.headers,
            virtualHost: host.headers,
            table: table.headers,
            mostSpecificHeadersWin: table.mostSpecificHeadersWin,
            match: candidate.route.match.path,
            pathRewrite: forward.pathRewrite,
            hostRewrite: forward.hostRewrite,
            appendsForwardedHost: forward.appendsForwardedHost
        )
        var formats = FormatFacts()
        formats.cluster = cluster
        formats.routeName = candidate.route.name.isEmpty ? nil : candidate.route.name
        formats.virtualCluster = preview.virtualCluster
        formats.downstreamAddress = facts.sourceAddress
        formats.dynamicMetadata = facts.metadata
        changes.apply(to: &preview.request, facts: formats)
        changes.apply(to: &preview.response, request: preview.request, facts: formats)
    }

    /// How long the request and each attempt may take, and who says so.
    private var timeouts: (total: RoutePreview.Effective<Nanoseconds?>, attempt: RoutePreview.Effective<Nanoseconds?>) {
        let ownAttempt = forward.retry?.perTryTimeout
        let timeouts = RequestTimeouts(route: forward.timeout, attempt: ownAttempt, wishes: wishes)
        func effective(
            _ limit: Nanoseconds,
            _ wish: Nanoseconds?,
            _ header: HeaderName,
            _ own: Nanoseconds?
        ) -> RoutePreview.Effective<Nanoseconds?> {
            let origin: RoutePreview.Origin =
                wish != nil ? .requestHeader(header) : own != nil ? .route : .standard
            return RoutePreview.Effective(limit == .zero ? nil : limit, from: origin)
        }
        return (
            effective(timeouts.total, wishes.timeout, EnvoyHeader.requestTimeout, forward.timeout),
            effective(timeouts.attempt, wishes.attemptTimeout, EnvoyHeader.attemptTimeout, ownAttempt)
        )
    }

    /// How many attempts there are at most, and who says so.
    private var attempts: RoutePreview.Effective<Int> {
        guard forward.retry != nil || !wishes.retryOn.isEmpty else { return RoutePreview.Effective(1, from: .standard) }
        if let retries = wishes.maximumRetries {
            return RoutePreview.Effective(1 + Int(retries), from: .requestHeader(EnvoyHeader.maximumRetries))
        }
        if let own = forward.retry { return RoutePreview.Effective(own.maximumAttempts, from: .route) }
        return RoutePreview.Effective(2, from: .requestHeader(EnvoyHeader.retryOn))
    }

    /// What is retried, and who says so: what the caller asks for comes beside what the route says.
    private var retryConditions: RoutePreview.Effective<String> {
        let own = forward.retry?.conditions.text ?? ""
        let all = (own.isEmpty ? [] : [own]) + wishes.retryOn
        let origin: RoutePreview.Origin =
            wishes.retryOn.isEmpty ? (own.isEmpty ? .standard : .route) : .requestHeader(EnvoyHeader.retryOn)
        return RoutePreview.Effective(all.joined(separator: ","), from: origin)
    }

    private func chance(of share: Int) -> String {
        let sum = forward.shares.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
        return "\(forward.shares[share].weight) of \(sum)"
    }

    /// The clusters that get a copy, and who says so: the most specific level that says anything.
    private func mirrors(of request: PreviewedRequest, _ facts: RoutingFacts) -> RoutePreview.Effective<[String]> {
        let (mirrors, origin): ([RequestMirror], RoutePreview.Origin) =
            if let own = forward.mirrors {
                (own, .route)
            } else if !host.mirrors.isEmpty {
                (host.mirrors, .virtualHost)
            } else {
                (table.mirrors, table.mirrors.isEmpty ? .standard : .table)
            }
        let clusters = mirrors.compactMap { mirror -> String? in
            guard mirror.fraction.contains(facts) else { return nil }
            return mirror.clusterName(for: request)
        }
        return RoutePreview.Effective(clusters, from: origin)
    }
}

extension RetryConditions {
    /// The conditions by Envoy's names, separated by commas.
    var text: String {
        Self.names.filter { contains($0.condition) }.map(\.name).joined(separator: ",")
    }
}

extension HashPolicy {
    /// Where the hash comes from, in words.
    fileprivate var text: String {
        let source =
            switch source {
            case .header(let name, _): "header \(name)"
            case .cookie(let cookie): "cookie \(cookie.name)"
            case .sourceAddress: "source address"
            case .queryParameter(let name): "query parameter \(name)"
            case .channel: "channel"
            case .filterState(let key): "filter state \(key)"
            }
        return isTerminal ? "\(source) (terminal)" : source
    }
}
