// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import CoreMetrics
import InMemoryTracing
import MeshCore
import MetricsTestKit
import Testing
import Tracing

@testable import MeshObservability

@Suite("What observers tell of gRPC calls", .timeLimit(.minutes(5)))
struct RPCMetricsObserverTests {
    private let backend = TestMetrics()

    private func context(status: Int16 = -1, path: String = "/shop.Greeter/Hello") -> CallContext {
        var context = CallContext.fresh
        context.isRPC = true
        context.rpcStatus = status
        var request = StubRequest()
        request.path = path
        context.requestLine = RequestLine(request)
        return context
    }

    private func attempt(_ number: Int, error: MeshError? = nil) -> AttemptRecord {
        AttemptRecord(
            cluster: "greeter",
            endpoint: nil,
            attempt: number,
            status: 200,
            outcome: .success,
            duration: .milliseconds(1500),
            error: error
        )
    }

    private func labels(_ more: [(String, String)]) -> [(String, String)] {
        [("grpc.method", "shop.Greeter/Hello"), ("grpc.target", "reviews:9080")] + more
    }

    @Test("A66, A78, A89, A96: attempts and calls are measured under gRPC's names")
    func metrics() throws {
        let observer = RPCMetricsObserver(factory: backend)
        var started = context()
        observer.attemptStarted(&started, cluster: "greeter")
        observer.attemptFinished(attempt(1), context: context(status: 14))
        observer.attemptStarted(&started, cluster: "greeter")
        var last = context(status: 0)
        last.endpoint = Endpoint(
            address: EndpointAddress(host: "10.0.0.1", port: 80),
            locality: Locality(region: "eu", zone: "eu-1")
        )
        last.sentMessageBytes = 7
        last.receivedMessageBytes = 9
        observer.attemptFinished(attempt(2), context: last)
        var record = RequestRecord.succeeded()
        record.attempts = 2
        observer.requestFinished(record, context: last)
        let backendService = ("grpc.lb.backend_service", "greeter")
        let begun = try backend.expectCounter("grpc.client.attempt.started", labels([backendService]))
        #expect(begun.totalValue == 2)
        let locality = ("grpc.lb.locality", #"{region="eu", zone="eu-1", sub_zone=""}"#)
        let failed = labels([("grpc.status", "UNAVAILABLE"), backendService, ("grpc.lb.locality", "")])
        #expect(try backend.expectRecorder("grpc.client.attempt.duration", failed).values == [1.5])
        let succeeded = labels([("grpc.status", "OK"), backendService, locality])
        #expect(try backend.expectRecorder("grpc.client.attempt.duration", succeeded).values == [1.5])
        let sent = "grpc.client.attempt.sent_total_compressed_message_size"
        #expect(try backend.expectRecorder(sent, succeeded).values == [7])
        let received = "grpc.client.attempt.rcvd_total_compressed_message_size"
        #expect(try backend.expectRecorder(received, succeeded).values == [9])
        let call = labels([("grpc.status", "OK")])
        #expect(try backend.expectRecorder("grpc.client.call.duration", call).values == [0.012])
        #expect(try backend.expectRecorder("grpc.client.call.retries", call).values == [1])
    }

    @Test("errors have the status that they stand for, and a caller's own end is cancelled")
    func errors() throws {
        let observer = RPCMetricsObserver(factory: backend)
        let timeout = MeshError(.deadlineExceeded, origin: .upstream, message: "late")
        observer.attemptFinished(attempt(1, error: timeout), context: context())
        observer.attemptFinished(attempt(1), context: context())
        let backendService = ("grpc.lb.backend_service", "greeter")
        for status in ["DEADLINE_EXCEEDED", "CANCELLED"] {
            let labels = labels([("grpc.status", status), backendService, ("grpc.lb.locality", "")])
            #expect(try backend.expectRecorder("grpc.client.attempt.duration", labels).values.count == 1)
        }
    }

    @Test("other requests are left to others, and methods beyond the bound share their metrics")
    func bounds() {
        let observer = RPCMetricsObserver(factory: backend, maximumSeries: 3)
        observer.attemptFinished(attempt(1), context: .fresh)
        #expect(backend.recorders.isEmpty)
        for number in 0..<100 {
            observer.requestFinished(.succeeded(), context: context(status: 0, path: "/shop.Greeter/M\(number)"))
        }
        #expect(backend.recorders.count <= 2 * 4)
    }

    @Test("A72: spans are named for the method, and fail by the status")
    func spans() throws {
        let tracer = InMemoryTracer()
        let observer = TracingObserver(tracer: tracer)
        var request = StubRequest()
        request.method = "POST"
        request.path = "/shop.Greeter/Hello"
        var context = context()
        observer.requestStarted(request, direction: .outbound, context: &context)
        for number in 1...2 {
            context.attempt = number
            observer.attemptStarted(&context, cluster: "greeter")
            context.rpcStatus = number == 1 ? 14 : 0
            observer.attemptFinished(attempt(number), context: context)
        }
        observer.requestFinished(.succeeded(), context: context)
        let spans = tracer.finishedSpans
        try #require(spans.count == 3)
        #expect(
            spans.map(\.operationName) == [
                "Attempt.shop.Greeter.Hello", "Attempt.shop.Greeter.Hello", "Sent.shop.Greeter.Hello",
            ]
        )
        #expect(spans[0].status?.code == .error)
        #expect(spans[0].status?.message == "UNAVAILABLE")
        #expect(spans[1].status == nil && spans[2].status == nil)
        #expect(spans[1].attributes.get("previous-rpc-attempts") == 1)
        #expect(spans[0].attributes.get("rpc.grpc.status_code") == 14)
        #expect(spans[2].attributes.get("rpc.service") == "shop.Greeter")
        #expect(spans[2].attributes.get("rpc.method") == "Hello")
    }
}
