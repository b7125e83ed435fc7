// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import Tracing

/// Traces requests through swift-distributed-tracing.
///
/// An outbound request is a client span whose parent is `ServiceContext.current`, and each of its attempts a client
/// span below it; an inbound request is a server span whose parent is what the tracer extracts from the request's
/// header fields. The application's handler runs with the server span as `ServiceContext.current`. Names and
/// attributes are those of OpenTelemetry's semantic conventions for HTTP; the spans of gRPC calls have the names and
/// attributes of gRFC A72, too (`Sent.…`, `Attempt.…`, `Recv.…`).
///
/// The mesh has a trace context of its own, which works without any tracer. If the tracer's `inject` yields a valid
/// `traceparent`, `CallContext.trace` is set from it, so that the wire and the backend agree on every identifier; if
/// not, the mesh's own stays. Only W3C Trace Context is put on the wire.
///
/// This observer keeps its spans in `CallContext.observation`, which has room for one observer: no other that comes
/// with the mesh uses it, and an application that uses it for its own cannot use this one.
public struct TracingObserver: Observer {
    private let tracer: any Tracer

    /// Creates an observer.
    /// - Parameter tracer: Where the spans go. Default: the tracer that the process has bootstrapped.
    public init(tracer: any Tracer = InstrumentationSystem.tracer) {
        self.tracer = tracer
    }

    /// Starts the request's span.
    public func requestStarted<Request: RequestHead>(
        _ request: Request,
        direction: TrafficDirection,
        context: inout CallContext
    ) {
        let method = request.method
        let name =
            context.isRPC
            ? RPCSpanAttributes.spanName(path: request.path, direction: direction)
            : HTTPSpanAttributes.spanName(method: method)
        let parent = direction == .inbound ? headerParent(of: request) : outboundParent(of: request)
        let span: any Span = tracer.startSpan(
            name,
            context: parent,
            ofKind: direction == .inbound ? .server : .client
        )
        if span.isRecording {
            span.attributes = HTTPSpanAttributes.request(request, direction: direction)
            if context.isRPC { span.updateAttributes { RPCSpanAttributes.call(path: request.path, in: &$0) } }
        }
        let attemptName = context.isRPC ? RPCSpanAttributes.attemptName(path: request.path) : name
        context.observation = RequestSpans(request: span, attemptName: attemptName, method: method)
        adopt(span, in: &context)
    }

    /// Starts the attempt's span.
    public func attemptStarted(_ context: inout CallContext, cluster: String) {
        guard let spans = context.observation as? RequestSpans else { return }
        let span: any Span = tracer.startSpan(spans.attemptName, context: spans.request.context, ofKind: .client)
        if span.isRecording {
            span.attributes = HTTPSpanAttributes.attemptStarted(method: spans.method, attempt: context.attempt)
            if context.isRPC {
                span.updateAttributes { RPCSpanAttributes.attemptStarted(context.attempt, in: &$0) }
            }
        }
        spans.attemptStarted(context.attempt, span: span)
        adopt(span, in: &context)
    }

    /// Ends the attempt's span.
    public func attemptFinished(_ record: AttemptRecord, context: CallContext) {
        guard let spans = context.observation as? RequestSpans, let span = spans.takeAttempt(record.attempt) else {
            return
        }
        if span.isRecording {
            span.updateAttributes { HTTPSpanAttributes.attemptFinished(record, in: &$0) }
            if context.isRPC {
                RPCSpanAttributes.finish(span, status: context.rpcStatus, error: record.error)
            } else {
                finish(span, status: record.status, error: record.error, failsFrom: 400)
            }
        }
        span.end()
    }

    /// Ends the request's span.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {
        guard let spans = context.observation as? RequestSpans else { return }
        // A hedge's loser whose end was not reported must not stay open in the backend.
        for span in spans.takeAttempts() { span.end() }
        let span = spans.request
        if span.isRecording {
            span.updateAttributes { HTTPSpanAttributes.requestFinished(record, in: &$0) }
            if context.isRPC {
                RPCSpanAttributes.finish(span, status: context.rpcStatus, error: record.error)
            } else {
                finish(
                    span,
                    status: record.status,
                    error: record.error,
                    failsFrom: HTTPSpanAttributes.failureThreshold(record.direction)
                )
            }
        }
        span.end()
    }

    /// Runs the handler with the server span as `ServiceContext.current`.
    public func whileHandling<Result>(
        _ context: CallContext,
        _ body: () async throws -> Result
    ) async throws -> Result {
        guard let spans = context.observation as? RequestSpans else { return try await body() }
        return try await ServiceContext.withValue(spans.request.context) { try await body() }
    }

    /// The parent that the request names itself.
    private func headerParent(of request: some RequestHead) -> ServiceContext {
        var parent = ServiceContext.topLevel
        tracer.extract(request, into: &parent, using: RequestExtractor())
        return parent
    }

    /// The parent of an outbound request: what the application's code runs under, or else the request that it serves, or
    /// else what the application has put into the request itself.
    private func outboundParent(of request: some RequestHead) -> ServiceContext {
        if let current = ServiceContext.current { return current }
        guard let trace = InboundContext.current?.trace, trace.isValid else { return headerParent(of: request) }
        var parent = ServiceContext.topLevel
        tracer.extract(TraceCarrier(trace), into: &parent, using: TraceCarrier.Access())
        return parent
    }

    /// Puts the span's identifiers on the wire.
    private func adopt(_ span: any Span, in context: inout CallContext) {
        var carrier = TraceCarrier()
        tracer.inject(span.context, into: &carrier, using: TraceCarrier.Access())
        if let trace = carrier.trace { context.trace = trace }
    }

    private func finish(_ span: any Span, status: Int, error: (any Error)?, failsFrom threshold: Int) {
        if let status = HTTPSpanAttributes.spanStatus(status: status, error: error, failsFrom: threshold) {
            span.setStatus(status)
        }
        if let error, !HTTPSpanAttributes.isCancellation(error) { span.recordError(error) }
    }
}
