// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses the least important requests first while there are too many: outermost in an inbound stack, before anything
/// is spent on a request.
///
/// The criticality comes from a closure, if there is one and it knows; else from the configured header; else it is the
/// configured default. A stack has one such layer.
public struct LoadSheddingLayer<Base: Transport, Source: PolicySource<LoadShedder>>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let criticality: (@Sendable (Base.Request) -> Criticality?)?

    /// Creates the layer.
    public init(
        _ base: Base,
        source: Source,
        criticality: (@Sendable (Base.Request) -> Criticality?)? = nil
    ) {
        self.base = base
        self.source = source
        self.criticality = criticality
    }

    /// Sends if the request is served.
    /// - Throws: what `LoadShedder.admit` throws; else what sending throws.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let shedder = source.policy(for: context), shedder.configuration.mode != .disabled,
            try shedder.enter(criticality(of: request, shedder), user: shedder.user(of: request), at: shedder.now)
        else { return try await base.send(request, context: &context) }
        context.heldPermits.insert(.loadShedding)
        do {
            let response = try await base.send(request, context: &context)
            context.responseStatus = response.statusCode
            return response
        } catch {
            context.heldPermits.remove(.loadShedding)
            shedder.leave(startedAt: context.startedAt, isServed: false)
            throw error
        }
    }

    /// Ends the exchange; what was answered below 500 was served, for as long as since the request entered the mesh.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        guard context.heldPermits.remove(.loadShedding) != nil, let shedder = source.policy(for: context) else {
            return
        }
        var isServed = false
        if case .completed = ending { isServed = context.responseStatus < 500 }
        shedder.leave(startedAt: context.startedAt, isServed: isServed)
    }

    @usableFromInline
    func criticality(of request: Base.Request, _ shedder: LoadShedder) -> Criticality? {
        criticality?(request)
            ?? request.value(of: shedder.configuration.criticalityHeader).flatMap { Criticality(headerValue: $0) }
    }
}

extension LoadShedder {
    /// The user that a request names, if users have shares.
    @usableFromInline
    func user(of request: borrowing some RequestHead) -> String? {
        guard let header = configuration.userHeader else { return nil }
        return request.value(of: header)
    }
}
