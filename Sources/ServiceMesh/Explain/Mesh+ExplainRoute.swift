// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

// What a route does besides choosing an upstream, for `explain`.
extension Mesh {
    /// What the route answers in the place of an upstream.
    func explainAnswer(of route: RouteRuntime, to request: some RequestHead, _ explanation: inout Explanation) {
        guard let reply = route.selections.first?.answer?.reply(to: request, CallContext(now: clock.now), self) else {
            explanation.note("action", "none for requests that this process makes: refused with 503")
            return
        }
        explanation.note("action", "answered by the route itself with \(reply.status)")
        for header in reply.headers { explanation.note("response header", "\(header.name): \(header.value)") }
    }

    /// What the caller asks for, where it may.
    func wishes(of request: some RequestHead) -> CallerWishes {
        guard let headerContract else { return .none }
        var request = request
        headerContract.admit(&request)
        return EnvoyHeaderContract.takeWishes(from: &request)
    }

    /// By what the cluster is chosen.
    func explainTarget(
        of forward: RouteAction.Forward,
        for request: some RequestHead,
        _ route: RouteRuntime,
        _ explanation: inout Explanation
    ) {
        switch forward.target {
        case .header(let header):
            let name = ClusterSpecifier.clusterName(in: header, of: request)
            explanation.note(
                "cluster choice",
                "the header \(header) names it" + (name.map { ", here \($0)" } ?? ", which this request does not have")
            )
        case .clusters(let clusters):
            switch clusters.choice {
            case .random: break
            case .header(let header): explanation.note("cluster choice", "the number in the header \(header)")
            case .hash: explanation.note("cluster choice", "the hash of the route's hash policies")
            }
        }
        guard !forward.hashPolicies.isEmpty else { return }
        let hash = route.hashPolicies.hash(of: request, facts: HashPolicies.Facts(channel: channel))
        let sources = forward.hashPolicies.map(\.summary).joined(separator: ", ")
        explanation.note("hash", "of \(sources): \(hash.map { String($0) } ?? "none for this request")")
    }

    /// What happens to requests, and beside them.
    func explainChanges(
        by route: RouteRuntime,
        _ forward: RouteAction.Forward,
        _ explanation: inout Explanation
    ) {
        let levels = [
            ("route \(route.name)", route.route.headers), ("virtual host", route.surroundings.hostHeaders),
            ("table", route.surroundings.tableHeaders),
        ]
        for (level, headers) in levels where !headers.isEmpty {
            explanation.note("header changes", "by the \(level): \(headers.summary)")
        }
        if let cors = route.route.cors { explanation.note("CORS", cors.summary) }
        for mirror in route.surroundings.mirrors {
            let target =
                switch mirror.target {
                case .cluster(let name): name
                case .header(let header): "the cluster that the header \(header) names"
                }
            explanation.note("mirror", "\(mirror.fraction.share) of the requests to \(target)")
        }
        if let redirects = forward.internalRedirects {
            let statuses = redirects.statuses.sorted().map { String($0) }.joined(separator: ", ")
            explanation.note("redirects", "up to \(redirects.maximumRedirects) are followed, of \(statuses)")
        }
        if let contract = headerContract {
            explanation.note("x-envoy- headers", contract.trusts ? "obeyed" : "taken away")
        }
    }

    /// What the head of a request becomes.
    func explainHead(of request: some RequestHead, _ selection: RouteSelection, _ explanation: inout Explanation) {
        guard let edits = selection.edits else { return }
        var changed = request
        edits.apply(to: &changed, CallContext(now: clock.now), self)
        if changed.path != request.path { explanation.note("path", "becomes \(changed.path)") }
        if changed.authority != request.authority {
            explanation.note("authority", "becomes \(changed.authority ?? "")")
        } else if edits.takesEndpointName {
            explanation.note("authority", "becomes the endpoint's host name, where it has one")
        }
    }
}

extension RouteRuntime {
    /// The shares of the traffic with what their requests meet: for a cluster that the request names, that one.
    func selections(
        for request: some RequestHead,
        _ shares: [WeightedCluster]
    ) -> [(share: WeightedCluster, selection: RouteSelection)] {
        if case .header(let header)? = target {
            let name = ClusterSpecifier.clusterName(in: header, of: request)
            return [(WeightedCluster(name ?? ""), named(name, at: 0))]
        }
        return zip(shares, selections).enumerated().map { position, pair in
            guard let header = pair.0.clusterHeader else { return (share: pair.0, selection: pair.1) }
            let name = ClusterSpecifier.clusterName(in: header, of: request)
            var share = pair.0
            share.cluster = name ?? ""
            return (share, named(name, at: position))
        }
    }
}

extension HeaderMutations {
    /// The changes in words.
    var summary: String {
        let parts = [
            ("requests get", requestAdditions.map { "\($0.name): \($0.value.text)" }),
            ("requests lose", requestRemovals.map(\.lowercased)),
            ("responses get", responseAdditions.map { "\($0.name): \($0.value.text)" }),
            ("responses lose", responseRemovals.map(\.lowercased)),
        ]
        return parts.filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.joined(separator: ", "))" }.joined(separator: "; ")
    }
}

extension CORSPolicy {
    /// The policy in words.
    fileprivate var summary: String {
        "for \(origins.count) origins, \(enabled.share) of the requests"
            + (methods.isEmpty ? "" : ", methods \(methods)") + (headers.isEmpty ? "" : ", headers \(headers)")
    }
}

extension HashPolicy {
    /// The source in words.
    fileprivate var summary: String {
        let source =
            switch source {
            case .header(let name, _): "the header \(name)"
            case .cookie(let cookie): "the cookie \(cookie.name)"
            case .sourceAddress: "the caller's address"
            case .queryParameter(let name): "the query parameter \(name)"
            case .channel: "this process"
            case .filterState(let key): "the filter state \(key)"
            }
        return isTerminal ? "\(source) [terminal]" : source
    }
}
