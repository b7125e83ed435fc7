// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Opens and closes the record of a request.
///
/// Outermost, so that it sees what every other layer does to a request, and the end of the body.
public struct TelemetryLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends, and records the request if it fails.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        begin(request, &context)
        do {
            let response = try await base.send(request, context: &context)
            context.responseStatus = response.statusCode
            return response
        } catch {
            if mesh.isObserved { mesh.requestEnded(&context, error: error) }
            throw error
        }
    }

    /// Ends the exchange, then the record: the counts of the layers below are closed when the record is written.
    @inlinable
    @inline(__always)
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        if mesh.isObserved { mesh.requestEnded(&context, ending) }
    }

    @inlinable
    func begin(_ request: Base.Request, _ context: inout CallContext) {
        // The request that this task serves says which trace it is, or else the application, which may be a gateway.
        if !context.trace.isValid, let trace = TraceContext(headersOf: request) { context.trace = trace }
        mesh.beginSpan(&context)
        if mesh.isObserved { begin(observed: request, &context) }
    }

    @usableFromInline
    func begin(observed request: Base.Request, _ context: inout CallContext) {
        context.requestLine = RequestLine(request)
        mesh.observers.requestStarted(request, direction: .outbound, context: &context)
    }
}

extension Mesh {
    /// A span of the request's or an attempt's own. Here, where nothing has to be counted to reach the randomness.
    @usableFromInline
    func beginSpan(_ context: inout CallContext) {
        context.trace.beginChild(random: random)
    }

    @usableFromInline
    func requestEnded(_ context: inout CallContext, _ ending: ExchangeEnding) {
        requestEnded(&context, error: ending.failure(of: context))
    }

    @usableFromInline
    func requestEnded(_ context: inout CallContext, error: (any Error)?) {
        guard let line = context.requestLine else { return }
        let selection = context.selection
        let record = RequestRecord(
            direction: .outbound,
            method: line.method,
            authority: line.authority,
            path: line.path,
            status: error.map { $0.proxyStatus } ?? context.responseStatus,
            flags: context.responseFlags(error),
            duration: clock.now.elapsed(since: context.startedAt),
            attempts: context.attempt,
            route: selection?.routeName,
            cluster: selection?.clusterName,
            endpoint: context.endpoint?.address,
            error: error.flatMap { ($0 as? MeshError)?.code == .directResponse ? nil : $0 }
        )
        observers.requestFinished(record, context: context)
    }
}

extension Error {
    /// The status that a proxy would have answered with in place of this error.
    var proxyStatus: Int {
        if self is CancellationError { return MeshError.Code.cancelled.httpStatus }
        guard let error = self as? MeshError else { return 500 }
        return error.localReply?.status ?? error.code.httpStatus
    }
}

extension CallContext {
    /// Envoy's flags for how a request went.
    func responseFlags(_ error: (any Error)?) -> [ResponseFlag] {
        var flags: [ResponseFlag] = []
        if let error = error as? MeshError {
            if let flag = error.flag { flags.append(flag) }
            if error.code == .retriesExhausted, let flag = (error.cause as? MeshError)?.flag { flags.append(flag) }
        } else if error is CancellationError {
            flags.append(.downstreamConnectionTermination)
        }
        if isDelayInjected { flags.append(.delayInjected) }
        return flags
    }
}
