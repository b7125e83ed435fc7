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
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let shedder = source.policy(for: context)
        var isCounted = false
        if let shedder, shedder.isEnabled {
            let user = shedder.countsUsers ? shedder.user(of: request) : nil
            let now = shedder.now
            isCounted = try shedder.enter(criticality(of: request, shedder), user: user, at: now)
            if isCounted {
                context.heldPermits.insert(.loadShedding)
                context.loadAdmittedAt = now
            }
        }
        do {
            let response = try await base.send(request, context: &context)
            if isCounted { context.responseStatus = response.statusCode }
            return response
        } catch {
            if isCounted {
                context.heldPermits.remove(.loadShedding)
                shedder?.leave(startedAt: context.loadAdmittedAt, isServed: false)
            }
            throw error
        }
    }

    /// Ends the exchange; what was answered below 500 was served, for as long as since it was admitted: what waits above
    /// (in a batch, say) is not under way here, and its wait is no part of how long a service takes.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        guard context.heldPermits.remove(.loadShedding) != nil, let shedder = source.policy(for: context) else {
            return
        }
        var isServed = false
        if case .completed = ending { isServed = context.responseStatus < 500 }
        shedder.leave(startedAt: context.loadAdmittedAt, isServed: isServed)
    }

    @inlinable
    @inline(__always)
    func criticality(of request: Base.Request, _ shedder: LoadShedder) -> Criticality? {
        if let known = criticality?(request) { return known }
        guard let value = request.value(of: shedder.criticalityHeader) else { return nil }
        return Criticality(headerValue: value)
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
