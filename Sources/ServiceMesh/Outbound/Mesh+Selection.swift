// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshResilience
import MeshRouting

// What `RouteLayer` does once the route is known.
extension Mesh {
    @usableFromInline
    func noRoute(_ authority: String?, _ method: String, _ path: String) -> MeshError {
        MeshError(.noRoute, origin: .local, message: "no route of \(authority ?? "") matches \(method) \(path)")
    }

    /// Draws one of a route's clusters, where nothing but the request's random number decides.
    /// - Returns: `false` if the request asks for `https` and would leave in cleartext: it must not be sent there.
    @usableFromInline
    func select(_ route: RouteRuntime, isSecure: Bool, _ context: inout CallContext) -> Bool {
        // A route that asks nothing of requests forwards them, to one cluster at least.
        guard route.needsRandom else { return select(route.selections[0], isSecure: isSecure, &context) }
        draw(&context)
        let position = route.weights?.position(for: context.random) ?? 0
        return select(route.selections[position], isSecure: isSecure, &context)
    }

    /// Draws the request's number, unless it has one.
    private func draw(_ context: inout CallContext) {
        if context.random == 0 { context.random = random.next() }
    }

    private func select(_ selection: RouteSelection, isSecure: Bool, _ context: inout CallContext) -> Bool {
        if isSecure, selection.isCleartext { return false }
        context.route = selection
        // The policies below measure from here; they wait for nothing before they say so.
        context.freshInstant = clock.now
        return true
    }

    /// Decides by what the request says where it goes.
    /// - Returns: As above, and `false` if the control plane says that it goes past the mesh.
    @usableFromInline
    func select(
        _ route: RouteRuntime,
        for request: some RequestHead,
        isSecure: Bool,
        _ context: inout CallContext
    ) -> Bool {
        draw(&context)
        guard case .forward(let forward) = route.route.action else {
            return select(route.selections[0], isSecure: isSecure, &context)
        }
        let hashed = route.hashPolicies.outcome(
            of: request,
            facts: HashPolicies.Facts(channel: channel),
            // A hash that nobody picks by makes no cookie.
            newCookieValue: route.picksByHash ? { HashPolicies.cookieValue(for: String(self.random.next())) } : nil
        )
        context.hash = hashed.hash
        var selection = route.selection(for: request, random: context.random, hash: context.hash)
        if let limit = forward.streamDuration, limit.maximumOfHeader != nil {
            selection = selection.with(timeout: context.isRPC ? limit.limitOfCall : limit.limit(for: request))
        }
        if selection.passesThrough { return false }
        if !hashed.setCookies.isEmpty { selection = selection.with(cookies: hashed.setCookies) }
        return select(selection, isSecure: isSecure, &context)
    }

    /// Sends where the authority says.
    /// - Parameter isKnown: Whether the mesh routes the host, but by plaintext only, or to where the caller would send it.
    @usableFromInline
    func passThrough(
        _ authority: String,
        _ scheme: String?,
        isKnown: Bool,
        by snapshot: RuntimeSnapshot,
        _ context: inout CallContext
    ) throws(MeshError) {
        // Nobody knows yet which hosts are the mesh's: a request that was to be encrypted must not go past it meanwhile.
        guard isKnown || snapshot.source != nil || !hasSources else {
            let message = "the mesh has no configuration yet; `ready(timeout:)` waits for it"
            let reply = LocalReply(status: 503, body: message)
            throw MeshError(.notReady, origin: .local, message: message, localReply: reply)
        }
        // What such a listener does not know is nobody else's either.
        guard isKnown || configuration.catchAllListener == nil else {
            throw MeshError(.noRoute, origin: .local, message: "no virtual host serves \(authority)")
        }
        guard configuration.outboundTrafficPolicy == .allowAny else {
            let reason =
                isKnown && Endpoint.isSecure(scheme)
                ? "the mesh reaches the host \(authority) in plaintext only, which https rules out"
                : "the host \(authority) is not in the mesh"
            throw MeshError(
                .unknownHost,
                origin: .local,
                message: "\(reason), and the outbound traffic policy refuses such hosts"
            )
        }
        // Middleware may send twice with one context; the route of before is not this request's.
        context.route = nil
        context.freshInstant = nil
        context.endpoint = try Endpoint(passThroughTo: authority, scheme: scheme)
    }
}

extension RouteRuntime {
    /// What requests meet by the cluster that the request names, or that a number chooses.
    fileprivate func selection(for request: some RequestHead, random: UInt64, hash: UInt64?) -> RouteSelection {
        switch target {
        case .clusters(let clusters):
            let position = clusters.position(for: request, random: random, hash: hash)
            guard clusters.shares[position].clusterHeader != nil else { return selections[position] }
            return named(clusters.clusterName(at: position, for: request), at: position)
        case .header(let header): return named(ClusterSpecifier.clusterName(in: header, of: request), at: 0)
        case nil: return selections[0]
        }
    }

    /// What requests meet that name a cluster, or none.
    func named(_ cluster: String?, at position: Int) -> RouteSelection {
        let named = namedSelections[position]
        if let cluster, let selection = named[cluster] { return selection }
        // One that does not exist is refused as any other cluster that does not exist.
        let missing = named[RouteRuntime.noCluster] ?? selections[0]
        return cluster.map { missing.with(clusterName: $0) } ?? missing
    }
}

extension Endpoint {
    /// Where a request goes that the mesh does not route.
    @usableFromInline
    init(passThroughTo authority: String, scheme: String?) throws(MeshError) {
        let isSecure = Self.isSecure(scheme)
        guard let address = EndpointAddress(authority: authority, defaultPort: isSecure ? 443 : 80) else {
            throw MeshError(.invalidRequest, origin: .downstream, message: "\"\(authority)\" is not an authority")
        }
        self.init(address: address, security: isSecure ? .tls(serverName: address.host) : .plaintext)
    }

    /// Whether a scheme asks for TLS; its letters may be of any case (RFC 3986 §3.1).
    @inlinable
    static func isSecure(_ scheme: String?) -> Bool {
        guard let scheme, scheme.utf8.count == 5 else { return false }
        return scheme == "https" || scheme.lowercased() == "https"
    }
}
