// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshRouting

/// Loads the configuration, once a request, and decides where the request goes by it.
public struct RouteLayer<Base: Transport>: Transport where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends by the route that matches.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let snapshot = mesh.loadSnapshot()
        context.snapshot = snapshot
        // The table is asked here, where the request's type is known, and not behind a call that does not know it.
        switch snapshot.routes.decide(request) {
        case .route(_, _, let route):
            if try !select(route, isSecure: Endpoint.isSecure(request.scheme), &context) {
                try passThrough(request.authority ?? "", request.scheme, isKnown: true, &context)
            }
        case .noRoute: throw noRoute(request.authority, request.method, request.path)
        case .noHost: try passThrough(request.authority ?? "", request.scheme, isKnown: false, &context)
        }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    @usableFromInline
    func noRoute(_ authority: String?, _ method: String, _ path: String) -> MeshError {
        MeshError(.noRoute, origin: .local, message: "no route of \(authority ?? "") matches \(method) \(path)")
    }

    /// Draws one of a route's clusters.
    /// - Returns: `false` if the request asks for `https` and would leave in cleartext: it must not be sent there.
    @usableFromInline
    func select(_ route: RouteRuntime, isSecure: Bool, _ context: inout CallContext) throws(MeshError) -> Bool {
        if let clusters = route.clusters {
            let position = clusters.shares.count > 1 ? clusters.position(for: mesh.random.next()) : 0
            let selection = route.selections[position]
            if isSecure, selection.isCleartext { return false }
            context.route = selection
            return true
        }
        switch route.route.action {
        case .directResponse(let reply):
            var error = MeshError(
                .directResponse,
                origin: .local,
                message: "the route answers by itself",
                localReply: reply
            )
            error.route = route.name
            throw error
        default:
            var error = MeshError(
                .noRoute,
                origin: .local,
                message: "the route \(route.name) does not forward requests"
            )
            error.route = route.name
            throw error
        }
    }

    /// Sends where the authority says.
    /// - Parameter isKnown: Whether the mesh routes the host, but by plaintext only.
    @usableFromInline
    func passThrough(
        _ authority: String,
        _ scheme: String?,
        isKnown: Bool,
        _ context: inout CallContext
    ) throws(MeshError) {
        guard mesh.configuration.outboundTrafficPolicy == .allowAny else {
            let reason =
                isKnown
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
        context.endpoint = try Endpoint(passThroughTo: authority, scheme: scheme)
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
