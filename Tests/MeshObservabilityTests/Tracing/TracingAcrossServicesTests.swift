// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing
import Tracing

@testable import MeshObservability

/// Wire and backend must agree: the tracer exports spans with the identifiers that the header fields carry.
@Suite
struct TracingAcrossServicesTests {
    private let exporter = CollectingExporter()

    private func service(_ name: String, seed: UInt64, samplingRatio: Double = 1) -> (OTLPTracer, TracingObserver) {
        let tracer = OTLPTracer(
            configuration: .init(serviceName: name, samplingRatio: samplingRatio),
            output: exporter,
            random: MeshRandom(seed: seed)
        )
        return (tracer, TracingObserver(tracer: tracer))
    }

    /// What an adapter and the mesh's stack do around one request.
    private func call(
        _ request: StubRequest,
        from client: TracingObserver,
        to server: TracingObserver,
        handler: () async throws -> Void
    ) async throws -> (client: CallContext, server: CallContext) {
        var outbound = CallContext.fresh
        outbound.trace = .root(random: MeshRandom(seed: 99))
        client.requestStarted(request, direction: .outbound, context: &outbound)
        outbound.attempt = 1
        outbound.trace = outbound.trace.child(random: MeshRandom(seed: 98))
        client.attemptStarted(&outbound, cluster: "c")

        var wire = request
        wire.setValue(outbound.trace.traceparent, for: "traceparent")
        if let state = outbound.trace.state { wire.setValue(state, for: "tracestate") }
        var inbound = CallContext.fresh
        inbound.trace = try #require(TraceContext(traceparent: outbound.trace.traceparent))
        server.requestStarted(wire, direction: .inbound, context: &inbound)
        try await InboundContext.$current.withValue(InboundContext(trace: inbound.trace)) {
            try await server.whileHandling(inbound) { try await handler() }
        }
        server.requestFinished(.succeeded(.inbound), context: inbound)

        let attempt = AttemptRecord(
            cluster: "c",
            endpoint: nil,
            attempt: 1,
            status: 200,
            outcome: .success,
            duration: .zero
        )
        client.attemptFinished(attempt, context: outbound)
        client.requestFinished(.succeeded(), context: outbound)
        return (outbound, inbound)
    }

    @Test
    func `three services make one connected trace with the identifiers of the wire`() async throws {
        let (productpage, productpageObserver) = service("productpage", seed: 1)
        let (reviews, reviewsObserver) = service("reviews", seed: 2)
        let (ratings, ratingsObserver) = service("ratings", seed: 3)
        var inner: (client: CallContext, server: CallContext)?
        let outer = try await call(StubRequest(), from: productpageObserver, to: reviewsObserver) {
            inner = try await call(StubRequest(), from: reviewsObserver, to: ratingsObserver) {}
        }
        for tracer in [productpage, reviews, ratings] { await tracer.flush() }

        let lines = exporter.lines
        try #require(lines.count == 3)
        let traceID = "\"traceId\":\"\(outer.client.trace.traceIDText)\""
        #expect(lines.map { $0.components(of: traceID) } == [2, 3, 1])
        // The server's span is the child of the attempt's, whose identifier was on the wire.
        #expect(lines[1].contains("\"parentSpanId\":\"\(outer.client.trace.spanIDText)\""))
        #expect(lines[2].contains("\"parentSpanId\":\"\(try #require(inner).client.trace.spanIDText)\""))
        // The call that the handler made is a child of the server's span.
        #expect(lines[1].contains("\"spanId\":\"\(outer.server.trace.spanIDText)\""))
        #expect(lines[1].contains("\"parentSpanId\":\"\(outer.server.trace.spanIDText)\""))
    }

    @Test
    func `a trace that its beginner does not sample is exported by nobody, and stays connected on the wire`()
        async throws
    {
        let (first, firstObserver) = service("a", seed: 1, samplingRatio: 0)
        let (second, secondObserver) = service("b", seed: 2)
        let contexts = try await call(StubRequest(), from: firstObserver, to: secondObserver) {}
        for tracer in [first, second] { await tracer.flush() }
        #expect(exporter.lines.isEmpty)
        #expect(contexts.client.trace.traceIDText == contexts.server.trace.traceIDText)
        #expect(contexts.client.trace.flags & TraceContext.sampledFlag == 0)
        #expect(contexts.server.trace.flags & TraceContext.sampledFlag == 0)
    }

    @Test
    func `without a service context the request that is served is the parent`() async throws {
        let (tracer, observer) = service("a", seed: 1)
        let served = TraceContext(traceIDHigh: 5, traceIDLow: 6, spanID: 7, flags: 1, state: "vendor=1")
        var context = CallContext.fresh
        InboundContext.$current.withValue(InboundContext(trace: served)) {
            observer.requestStarted(StubRequest(), direction: .outbound, context: &context)
        }
        observer.requestFinished(.succeeded(), context: context)
        await tracer.flush()
        #expect(context.trace.traceIDLow == 6 && context.trace.state == "vendor=1")
        #expect(exporter.lines.first?.contains("\"parentSpanId\":\"0000000000000007\"") == true)
    }

    @Test(arguments: ["", "00-0-0-01", "ff-00000000000000000000000000000001-0000000000000001-01"])
    func `a caller's invalid traceparent starts a new trace`(traceparent: String) async throws {
        let (_, observer) = service("a", seed: 1)
        var request = StubRequest()
        request.setValue(traceparent, for: "traceparent")
        var context = CallContext.fresh
        observer.requestStarted(request, direction: .inbound, context: &context)
        #expect(context.trace.isValid)
    }
}
