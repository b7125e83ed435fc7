// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import InMemoryLogging
import Logging
import MeshCore
import MeshHTTP
import MeshObservability
import MetricsTestKit
import NIOCore
import ServiceMesh
import Testing
import Tracing

/// productpage calls reviews, whose handler calls ratings: three meshes on real sockets.
@Suite("Telemetry of one request", .timeLimit(.minutes(5)))
struct TelemetryIntegrationTests {
    private struct Chain {
        var productpage: ObservedService
        var reviews: ObservedService
        var ratings: ObservedService

        var all: [ObservedService] { [productpage, reviews, ratings] }
    }

    /// Runs the three services while `body` sends requests, stops them, and so ends every record.
    private func afterServing(
        ratingsStatus: HTTPResponse.Status = .ok,
        _ body: (MeshHTTPClient) async throws -> Void
    ) async throws -> Chain {
        let transport = HTTPTransport()
        let ratings = try ObservedService("ratings", transport: transport)
        var chain: Chain?
        try await ratings.serving { router in
            router.get("ratings/:id") { _, _ in Response(status: ratingsStatus) }
        } while: { address in
            let reviews = try ObservedService("reviews", calling: ("ratings", address), transport: transport)
            try await reviews.serving { router in
                router.get("reviews/:id") { _, _ in
                    // No header is touched, and the application's own span has its place.
                    try await reviews.observability.tracer.withSpan("rate") { _ in
                        let (response, _) = try await reviews.client.get("http://ratings:9080/ratings/0")
                        return Response(status: response.status)
                    }
                }
            } while: { address in
                let productpage = try ObservedService(
                    "productpage",
                    calling: ("reviews", address),
                    transport: transport
                )
                chain = Chain(productpage: productpage, reviews: reviews, ratings: ratings)
                try await body(productpage.client)
            }
        }
        await transport.shutdown()
        let result = try #require(chain)
        for service in result.all { await service.observability.otlpTracer?.flush() }
        return result
    }

    @Test("is one trace over all services, in which every span stands below the one that caused it")
    func trace() async throws {
        let chain = try await afterServing { client in
            let (response, _) = try await client.get("http://reviews:9080/reviews/0")
            #expect(response.status == .ok)
        }
        let (front, middle, back) = (chain.productpage.spans.all, chain.reviews.spans.all, chain.ratings.spans.all)
        // A request and its attempt; a server span, the handler's own, a request and its attempt; a server span.
        #expect([front.count, middle.count, back.count] == [2, 4, 1])
        #expect(Set((front + middle + back).map(\.traceId)).count == 1)

        var cause = try #require(front.first { $0.parentSpanId == nil })
        #expect(cause.kind == ExportedSpan.clientKind)
        for (spans, kind) in [
            (front, ExportedSpan.clientKind), (middle, ExportedSpan.serverKind), (middle, ExportedSpan.internalKind),
            (middle, ExportedSpan.clientKind), (middle, ExportedSpan.clientKind), (back, ExportedSpan.serverKind),
        ] {
            let effect = try #require(spans.first { $0.parentSpanId == cause.spanId }, "nothing below \(cause)")
            #expect(effect.kind == kind)
            cause = effect
        }
    }

    @Test("is counted once on either side, under its status", arguments: [HTTPResponse.Status.ok, .notFound])
    func metrics(status: HTTPResponse.Status) async throws {
        let chain = try await afterServing(ratingsStatus: status) { client in
            _ = try await client.get("http://reviews:9080/reviews/0")
        }
        let code = "\(status.code)"
        #expect(chain.productpage.requests(["reporter": "source", "response_code": code]) == 1)
        #expect(chain.reviews.requests(["reporter": "destination", "response_code": code]) == 1)
        #expect(chain.reviews.requests(["reporter": "source", "response_code": code]) == 1)
        #expect(chain.ratings.requests(["reporter": "destination", "response_code": code]) == 1)
        #expect(chain.all.map { $0.requests([:]) } == [1, 2, 1])
        for service in chain.all {
            let latencies = service.metrics.recorders.filter { $0.label == "istio_request_duration_milliseconds" }
            #expect(latencies.map(\.values.count).reduce(0, +) == Int(service.requests([:])), "\(service.name)")
        }
    }

    @Test("is one line of access log on either side, which names the trace")
    func accessLog() async throws {
        let chain = try await afterServing { client in _ = try await client.get("http://reviews:9080/reviews/0") }
        let trace = try #require(chain.productpage.spans.all.first?.traceId)
        let lines = chain.all.map { service in
            service.log.entries.filter { $0.metadata["trace_id"] == .string(trace) }.map(\.message.description)
        }
        #expect(lines.map(\.count) == [1, 2, 1])
        #expect(lines[0].allSatisfy { $0.contains(#""GET /reviews/0 HTTP" 200 - "#) })
        #expect(lines[2].allSatisfy { $0.contains(#""GET /ratings/0 HTTP" 200 - "#) })
    }

    @Test("comes from the caller's traceparent where there is one")
    func continuation() async throws {
        let chain = try await afterServing { client in
            let caller = TraceContext(traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            try await InboundContext.$current.withValue(InboundContext(trace: #require(caller))) {
                _ = try await client.get("http://reviews:9080/reviews/0")
            }
        }
        let spans = chain.all.flatMap(\.spans.all)
        #expect(Set(spans.map(\.traceId)) == ["4bf92f3577b34da6a3ce929d0e0e4736"])
        #expect(spans.contains { $0.parentSpanId == "00f067aa0ba902b7" })
    }
}
