// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// Loads the configuration, once a request, and decides where the request goes by it.
///
/// What it selects holds all that the layers below need of the configuration, so that none of them loads it again.
public struct RouteLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends by the route that matches; follows redirects where that route says so.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let deadline = context.deadline
        if mesh.readsCallersFields {
            if mesh.isAskedToExplain(request) {
                return try await sendExplained(request, through: OutOfLine(base), &context)
            }
            if mesh.hasHeaderContract {
                let snapshot = mesh.loadSnapshot()
                return try await sendByContract(request, by: snapshot, through: OutOfLine(base), &context)
            }
        }
        try route(request, &context)
        let response = try await base.send(request, context: &context)
        guard context.selection?.followsRedirects ?? false else { return response }
        return try await follow(response, to: request, deadline, through: OutOfLine(base), &context)
    }

    /// Ends the exchange.
    @inlinable
    @inline(__always)
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    /// Selects the route. The table is asked here, where the request's type is known, and not behind a call that does
    /// not know it.
    @inlinable
    func route(_ request: Base.Request, _ context: inout CallContext) throws {
        let snapshot = mesh.loadSnapshot()
        context.random = snapshot.routes.needsRandom ? mesh.random.next() : 0
        try take(snapshot.decide(request, mesh.facts(of: context)), by: snapshot, request, &context)
    }

    /// Selects what the decision of a snapshot says.
    @inlinable
    func take(
        _ decision: RouteTable<RouteRuntime>.Decision,
        by snapshot: RuntimeSnapshot,
        _ request: Base.Request,
        _ context: inout CallContext
    ) throws {
        switch decision {
        case .route(_, _, let route):
            let isSecure = Endpoint.isSecure(request.scheme)
            let isTaken =
                route.asksRequest
                ? mesh.select(route, for: request, isSecure: isSecure, &context)
                : mesh.select(route, isSecure: isSecure, &context)
            if !isTaken {
                try mesh.passThrough(request.authority ?? "", request.scheme, isKnown: true, by: snapshot, &context)
            }
        case .noRoute: throw mesh.noRoute(request.authority, request.method, request.path)
        case .noHost:
            try mesh.passThrough(request.authority ?? "", request.scheme, isKnown: false, by: snapshot, &context)
        }
    }
}
