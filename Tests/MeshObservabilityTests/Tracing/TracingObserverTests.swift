// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import InMemoryTracing
import MeshCore
import Testing
import Tracing

@testable import MeshObservability

@Suite
struct TracingObserverTests {
    private let tracer = InMemoryTracer()
    private var observer: TracingObserver { TracingObserver(tracer: tracer) }

    private static func attempt(_ number: Int, status: Int = 200, error: MeshError? = nil) -> AttemptRecord {
        AttemptRecord(
            cluster: "reviews",
            endpoint: EndpointAddress(host: "127.0.0.1", port: 4011),
            attempt: number,
            status: status,
            outcome: status == 200 ? .success : .failure,
            duration: .milliseconds(1),
            error: error
        )
    }

    @Test
    func `an outbound request is a client span with a client span for each attempt`() throws {
        var context = CallContext.fresh
        observer.requestStarted(StubRequest(), direction: .outbound, context: &context)
        for number in 1...2 {
            context.attempt = number
            observer.attemptStarted(&context, cluster: "reviews")
            observer.attemptFinished(Self.attempt(number, status: number == 1 ? 503 : 200), context: context)
        }
        var record = RequestRecord.succeeded()
        record.attempts = 2
        record.flags = [.delayInjected]
        observer.requestFinished(record, context: context)

        let spans = tracer.finishedSpans
        try #require(spans.count == 3)
        #expect(spans.map(\.operationName) == ["GET", "GET", "GET"])
        #expect(spans.map(\.kind) == [.client, .client, .client])
        #expect(spans[2].parentSpanID == nil)
        #expect(spans[0].parentSpanID == spans[2].spanID && spans[1].parentSpanID == spans[2].spanID)
        #expect(Set(spans.map(\.traceID)).count == 1)
        #expect(
            spans[0].attributes == [
                "http.request.method": "GET", "http.response.status_code": 503, "error.type": "503",
                "network.peer.address": "127.0.0.1", "network.peer.port": 4011, "upstream_cluster": "reviews",
            ]
        )
        #expect(spans[0].status?.code == .error)
        #expect(spans[1].attributes.get("http.request.resend_count") == 1)
        #expect(spans[1].status == nil)
        #expect(
            spans[2].attributes == [
                "http.request.method": "GET", "server.address": "reviews", "server.port": 9080,
                "url.full": "http://reviews:9080/reviews/7", "http.response.status_code": 200,
                "upstream_cluster": "outbound|9080|v2|reviews.default.svc.cluster.local", "route_name": "reviews-v2",
                "response_flags": "DI", "upstream_rq_attempts": 2,
            ]
        )
        #expect(spans[2].status == nil)
    }

    @Test
    func `an inbound request is a server span below what the tracer extracts from its header fields`() throws {
        var request = StubRequest(path: "/reviews/7?user=a&sig=secret")
        request.headers = ["in-memory-trace-id": "trace-x", "in-memory-span-id": "span-x", "user-agent": "curl"]
        var context = CallContext.fresh
        observer.requestStarted(request, direction: .inbound, context: &context)
        var record = RequestRecord.succeeded(.inbound)
        record.status = 404
        observer.requestFinished(record, context: context)
        let span = try #require(tracer.finishedSpans.first)
        #expect(span.traceID == "trace-x" && span.parentSpanID == "span-x" && span.kind == .server)
        #expect(
            span.attributes == [
                "http.request.method": "GET", "server.address": "reviews", "server.port": 9080, "url.scheme": "http",
                "url.path": "/reviews/7", "url.query": "user=a&sig=REDACTED", "user_agent.original": "curl",
                "http.response.status_code": 404, "peer.identity": "spiffe://cluster.local/ns/default/sa/productpage",
            ]
        )
        #expect(span.status == nil, "a server that answers 404 did its work")
    }

    @Test
    func `the handler runs below the server span, and what it calls too`() async throws {
        var context = CallContext.fresh
        observer.requestStarted(StubRequest(), direction: .inbound, context: &context)
        try await observer.whileHandling(context) {
            var outbound = CallContext.fresh
            observer.requestStarted(StubRequest(), direction: .outbound, context: &outbound)
            observer.requestFinished(.succeeded(), context: outbound)
        }
        observer.requestFinished(.succeeded(.inbound), context: context)
        #expect(ServiceContext.current == nil)
        let spans = tracer.finishedSpans
        #expect(spans.map(\.kind) == [.client, .server])
        #expect(spans.first?.parentSpanID == spans.last?.spanID)
    }

    @Test
    func `failures are errors with their type, and a caller that gave up is none`() throws {
        let failure = MeshError(.attemptTimeout, origin: .upstream, message: "too slow")
        for error in [failure, MeshError(.cancelled, origin: .downstream, message: "gone")] {
            var context = CallContext.fresh
            observer.requestStarted(StubRequest(), direction: .outbound, context: &context)
            var record = RequestRecord.succeeded()
            record.status = error.code.httpStatus
            record.error = error
            observer.requestFinished(record, context: context)
        }
        let spans = tracer.finishedSpans
        #expect(spans.map { $0.attributes.get("error.type") } == ["attemptTimeout", "cancelled"])
        #expect(spans[0].status == SpanStatus(code: .error, message: "attemptTimeout [UT]: too slow"))
        #expect(spans[1].status == nil)
        #expect(spans.map(\.errors.count) == [1, 0])
    }

    @Test
    func `attempts that overlap end their own spans, and what nobody ended ends with the request`() throws {
        var first = CallContext.fresh
        observer.requestStarted(StubRequest(), direction: .outbound, context: &first)
        first.attempt = 1
        var second = first
        second.attempt = 2
        observer.attemptStarted(&first, cluster: "reviews")
        observer.attemptStarted(&second, cluster: "reviews")
        observer.attemptFinished(Self.attempt(2), context: second)
        #expect(tracer.finishedSpans.map { $0.attributes.get("http.request.resend_count") } == [1])
        observer.requestFinished(.succeeded(), context: second)
        #expect(tracer.finishedSpans.count == 3)
        observer.attemptFinished(Self.attempt(1), context: first)
        #expect(tracer.finishedSpans.count == 3, "the late report of the loser changes nothing")
        #expect(tracer.activeSpans.isEmpty)
    }

    @Test
    func `a tracer without traceparent leaves the mesh's own trace on the wire`() {
        var context = CallContext.fresh
        let own = TraceContext.root(random: MeshRandom(seed: 3))
        context.trace = own
        observer.requestStarted(StubRequest(), direction: .outbound, context: &context)
        observer.attemptStarted(&context, cluster: "reviews")
        #expect(context.trace == own)
    }

    @Test
    func `a method that nobody knows makes no span name`() throws {
        var context = CallContext.fresh
        observer.requestStarted(StubRequest(method: "X\n"), direction: .inbound, context: &context)
        observer.requestFinished(.succeeded(.inbound), context: context)
        let span = try #require(tracer.finishedSpans.first)
        #expect(span.operationName == "HTTP")
        #expect(span.attributes.get("http.request.method") == "_OTHER")
        #expect(span.attributes.get("http.request.method_original") == "X\n")
    }

    @Test
    func `a context whose slot is taken by somebody else is left alone`() async throws {
        final class Foreign: Sendable {}
        var context = CallContext.fresh
        context.observation = Foreign()
        observer.attemptStarted(&context, cluster: "reviews")
        observer.attemptFinished(Self.attempt(1), context: context)
        observer.requestFinished(.succeeded(), context: context)
        let result = try await observer.whileHandling(context) { 7 }
        #expect(result == 7 && tracer.finishedSpans.isEmpty && context.observation is Foreign)
    }
}
