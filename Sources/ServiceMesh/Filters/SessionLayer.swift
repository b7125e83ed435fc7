// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
import MeshRouting

/// Asks for the endpoint that the request's session belongs to, and tells the caller where its session is.
///
/// Outside the retries: a response tells of the endpoint that gave it, on whichever attempt.
public struct SessionLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    let wallClock: WallClock

    @usableFromInline
    init(_ base: Base, wallClock: WallClock = .system) {
        self.base = base
        self.wallClock = wallClock
    }

    /// Sends to the session's endpoint, if it can be had.
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let session = context.selection?.filters?.session, let state = session.state else {
            return try await base.send(request, context: &context)
        }
        guard let binding = state.binding(of: request, at: wallClock.sinceEpoch) else {
            return try await base.send(request, context: &context)
        }
        if let address = binding.address {
            // What is no address is one that no endpoint has.
            let host = EndpointAddress(authority: address) ?? EndpointAddress(unixSocketPath: address)
            context.prefer(
                OverrideHost(host, isStrict: session.isStrict, statusIfUnknown: session.statusIfUnknown)
            )
        }
        var response = try await base.send(request, context: &context)
        guard let endpoint = context.endpoint?.address.description,
            let field = state.field(for: endpoint, after: binding, at: wallClock.sinceEpoch)
        else { return response }
        if field.replaces {
            response.setValue(field.value, for: field.name)
        } else {
            response.appendValue(field.value, for: field.name)
        }
        return response
    }

    /// Ends the exchange.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
