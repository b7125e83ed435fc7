// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshTesting
import ServiceMesh
import Testing

@Suite struct OutboundTelemetryTests {
    @Test func `each attempt has a span of its own in the inbound request's trace`() async throws {
        let fixture = try MeshFixture(Given.simple(retry: Given.retry(attempts: 3))) { sent, _ in
            .status(sent.attempt < 3 ? 503 : 200)
        }
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let trace = try #require(TraceContext(traceparent: header, state: "congo=t61"))
        await InboundContext.$current.withValue(InboundContext(trace: trace)) {
            _ = await fixture.send()
        }
        let traces = fixture.network.sent.map(\.trace)
        #expect(traces.count == 3)
        #expect(traces.allSatisfy { $0.traceIDText == trace.traceIDText && $0.state == "congo=t61" })
        #expect(Set(traces.map(\.spanID) + [trace.spanID]).count == 4)
    }

    @Test func `a request outside of any other starts a trace`() async throws {
        let fixture = try MeshFixture(Given.simple())
        await fixture.send()
        await fixture.send()
        let traces = fixture.network.sent.map(\.trace)
        #expect(traces.allSatisfy { $0.isValid })
        #expect(traces[0].traceIDText != traces[1].traceIDText)
    }

    @Test func `a trace in the request itself is continued, unless it serves another`() async throws {
        let fixture = try MeshFixture(Given.simple())
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let request = InMemoryRequest(headers: [("traceparent", header), ("tracestate", "congo=t61")])
        await fixture.send(request)
        let forwarded = try #require(fixture.network.sent.last?.trace)
        #expect(forwarded.traceIDText == "4bf92f3577b34da6a3ce929d0e0e4736" && forwarded.state == "congo=t61")
        #expect(forwarded.spanIDText != "00f067aa0ba902b7")
        let served = TraceContext(traceIDHigh: 1, traceIDLow: 2, spanID: 3, flags: 1)
        await InboundContext.$current.withValue(InboundContext(trace: served)) {
            _ = await fixture.send(request)
        }
        #expect(fixture.network.sent.last?.trace.traceIDText == served.traceIDText)
    }

    @Test func `an inbound deadline is inherited and only ever shortened`() async throws {
        let fixture = try MeshFixture(Given.simple(timeout: .seconds(5)))
        let now = fixture.clock.now
        for (inbound, own, expected) in [(3, 9, 3), (9, 3, 3), (9, 9, 5)] as [(UInt64, UInt64, UInt64)] {
            let context = InboundContext(trace: .none, deadline: Deadline(.seconds(inbound), after: now))
            await InboundContext.$current.withValue(context) {
                _ = await fixture.send(deadline: Deadline(.seconds(own), after: now))
            }
            #expect(fixture.network.sent.last?.deadline == Deadline(.seconds(expected), after: now))
        }
    }

    @Test func `observers see one record a request and one an attempt`() async throws {
        let fixture = try MeshFixture(Given.simple(ports: [1, 2], retry: Given.retry(attempts: 3))) { _, _ in
            .refuseConnection
        }
        let error = await fixture.send(InMemoryRequest(method: "PUT", path: "/r?q")).meshError
        #expect(error?.code == .retriesExhausted)
        #expect(fixture.observer.started == [.outbound])
        let record = try #require(fixture.observer.requests.first)
        #expect(fixture.observer.requests.count == 1)
        #expect(record.method == "PUT" && record.path == "/r?q" && record.authority == "reviews")
        #expect(record.attempts == 3 && record.route == "default" && record.cluster == "v1")
        #expect(record.flags == [.upstreamRetryLimitExceeded, .upstreamConnectionFailure] && record.status == 503)
        let attempts = fixture.observer.attempts
        #expect(attempts.map(\.attempt) == [1, 2, 3])
        #expect(attempts.allSatisfy { $0.outcome == .failure && $0.endpoint != nil && $0.status == 0 })
    }

    @Test func `the record is closed when the body has been read, not when the head arrives`() async throws {
        let fixture = try MeshFixture(Given.simple())
        var context = fixture.mesh.makeContext()
        try await fixture.stack.withResponse(to: InMemoryRequest(), context: &context) { _ in
            #expect(fixture.observer.requests.isEmpty && !fixture.isAtRest)
            fixture.clock.advance(by: .seconds(2))
        }
        #expect(fixture.observer.requests.map(\.duration) == [.seconds(2)])
        #expect(fixture.isAtRest)
    }

    @Test func `a body that breaks is a failed request with the flag of its error`() async throws {
        let fixture = try MeshFixture(Given.simple())
        var context = fixture.mesh.makeContext()
        let broken = MeshError(.connectionClosed, origin: .upstream, requestState: .answered, message: "cut off")
        await #expect(throws: MeshError.self) {
            try await fixture.stack.withResponse(to: InMemoryRequest(), context: &context) { _ in throw broken }
        }
        #expect(fixture.observer.requests.first?.flags == [.upstreamConnectionTermination])
        #expect(fixture.observer.attempts.first?.outcome == .failure)
    }

    @Test func `an error of a later attempt does not name the endpoint of an earlier one`() async throws {
        let fixture = try MeshFixture(
            Given.simple(
                retry: Given.retry(attempts: 3),
                circuitBreaker: CircuitBreakerConfiguration(minimumCalls: 1)
            )
        ) { _, _ in .refuseConnection }
        let error = await fixture.send().meshError
        #expect(error?.code == .circuitOpen && error?.endpoint == nil && error?.attempt == 2)
    }

    @Test func `a middleware's own answer is recorded, and the middleware is told of its end`() async throws {
        struct Answering: Middleware {
            let observer: RecordingObserver

            func intercept(
                _ request: InMemoryRequest,
                context: inout CallContext,
                next: Next<InMemoryRequest, InMemoryResponse>
            ) async throws -> InMemoryResponse {
                InMemoryResponse(418)
            }

            func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
                observer.noticed(.unexpected(component: "middleware", message: "finished"))
            }
        }
        let heard = RecordingObserver()
        let outer = try MeshFixture(Given.simple(), requestMiddleware: [Answering(observer: heard)])
        #expect(await outer.send().value == 418)
        #expect(heard.events.count == 1 && outer.observer.requests.map(\.status) == [418] && outer.isAtRest)
        let inner = try MeshFixture(
            Given.simple(retry: Given.retry(on: .serverError)),
            attemptMiddleware: [Answering(observer: heard)]
        )
        #expect(await inner.send().value == 418)
        #expect(heard.events.count == 2 && inner.observer.requests.map(\.status) == [418] && inner.isAtRest)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `whatever fails or is given up, every count returns to zero`(seed: UInt64) async throws {
        let random = MeshRandom(seed: seed)
        let fixture = try MeshFixture(
            Given.simple(
                ports: [1, 2, 3],
                timeout: .seconds(3),
                retry: Given.retry(attempts: 3, perTryTimeout: .seconds(1)),
                outlierDetection: .init(consecutiveFailures: 5, maximumEjectionPercent: 50),
                circuitBreaker: CircuitBreakerConfiguration(minimumCalls: 10),
                maximumRequests: 40
            ),
            seed: seed
        ) { _, _ in
            switch random.below(6) {
            case 0: .status(503)
            case 1: .refuseConnection
            case 2: .closeConnection
            case 3: .respondAfter(.milliseconds(random.below(2_000)), InMemoryResponse(200))
            default: .status(200)
            }
        }
        for _ in 0..<20 {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<50 { group.addTask { _ = await fixture.send() } }
                group.addTask {
                    // Keeps time moving until it is cancelled with everybody who still waits.
                    for _ in 0..<20 {
                        await Task.yield()
                        fixture.clock.advance(by: .milliseconds(100))
                    }
                }
                for _ in 0..<25 { await group.next() }
                group.cancelAll()
            }
        }
        #expect(fixture.isAtRest, "\(fixture.contract.violations)")
        #expect(fixture.observer.requests.count == 1_000)
    }
}
