// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import MeshCore
import MeshHTTP
import MeshHummingbird
import MeshTesting
import NIOCore
import NIOHTTP1
import ServiceMesh
import Testing

@Suite(.timeLimit(.minutes(5))) struct InboundIntegrationTests {
    @Test func `a deadline that passes cancels the handler and is a 504, and the connection goes on`() async throws {
        let fixture = InboundFixture()
        let cancelled = Recorder<String>()
        try await fixture.serving { router in
            router.get("slow") { _, _ -> String in
                do { try await untilCancelled() } catch {
                    cancelled.append("slow")
                    throw error
                }
            }
            router.get("fast") { _, _ in "fast" }
        } while: { address in
            try await withConnection(to: address) { inbound, outbound in
                for header in [("x-envoy-expected-rq-timeout-ms", "20"), ("grpc-timeout", "20m")] {
                    try await outbound.send("GET", "/slow", HTTPHeaders([header]))
                    let response = try await inbound.response()
                    #expect(response?.status == 504 && response?.body == "deadline exceeded")
                }
                try await outbound.send("GET", "/fast", ["grpc-timeout": "10S"])
                #expect(try await inbound.response()?.body == "fast")
            }
            try await fixture.drain.untilIdle()
        }
        #expect(cancelled.all == ["slow", "slow"])
        #expect(fixture.observer.requests.map(\.status) == [504, 504, 200])
        #expect(fixture.observer.requests.map(\.flags) == [[.durationTimeout], [.durationTimeout], []])
    }

    @Test func `a client that closes its connection cancels the handler, also while it writes the body`() async throws {
        let fixture = InboundFixture()
        let (entered, cancelled) = ([Signal(), Signal()], [Signal(), Signal()])
        try await fixture.serving { router in
            router.get("slow") { _, _ -> String in
                entered[0].set()
                do { try await untilCancelled() } catch {
                    cancelled[0].set()
                    throw error
                }
            }
            router.get("body") { _, _ in
                Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        try await writer.write(ByteBuffer(string: "half"))
                        entered[1].set()
                        do { try await untilCancelled() } catch {
                            cancelled[1].set()
                            throw error
                        }
                    }
                )
            }
        } while: { address in
            for (index, path) in ["/slow", "/body"].enumerated() {
                try await withConnection(to: address) { _, outbound in
                    try await outbound.send("GET", path)
                    await entered[index].wait()
                }
                await cancelled[index].wait()
            }
            try await fixture.drain.untilIdle()
        }
        #expect(
            fixture.observer.requests.map(\.flags) == Array(repeating: [.downstreamConnectionTermination], count: 2)
        )
    }

    @Test func `over HTTP/2 a reset cancels its own handler, and a deadline is a 504`() async throws {
        var fixture = InboundFixture()
        fixture.server = .plaintextHTTP2()
        let (entered, cancelled, other) = (Signal(), Signal(), Signal())
        try await fixture.serving { router in
            router.get("slow") { _, _ -> String in
                entered.set()
                do { try await untilCancelled() } catch {
                    cancelled.set()
                    throw error
                }
            }
            router.get("other") { _, _ -> String in
                await other.wait()
                return "other"
            }
        } while: { address in
            try await StreamConnection.connecting(to: address) { connection in
                async let body = connection.get("/other") { inbound, _ in try await inbound.response()?.body }
                try await connection.get("/slow") { _, stream in
                    await entered.wait()
                    stream.close(promise: nil)
                    await cancelled.wait()
                }
                other.set()
                #expect(try await body == "other")
                let status = try await connection.get("/slow", ["grpc-timeout": "20m"]) { inbound, _ in
                    try await inbound.response()?.status
                }
                #expect(status == 504)
            }
            try await fixture.drain.untilIdle()
        }
    }

    @Test func `a deadline that passes during the body ends the exchange`() async throws {
        let fixture = InboundFixture()
        let cancelled = Signal()
        try await fixture.serving { router in
            router.get("body") { _, _ in
                Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        try await writer.write(ByteBuffer(string: "half"))
                        do { try await untilCancelled() } catch {
                            cancelled.set()
                            throw error
                        }
                    }
                )
            }
        } while: { address in
            let response = try? await withConnection(to: address) { inbound, outbound in
                // Long enough for the body to begin, however busy the machine is with other tests.
                try await outbound.send("GET", "/body", ["x-envoy-expected-rq-timeout-ms": "8000"])
                return try await inbound.response()
            }
            #expect(response == nil)
            await cancelled.wait()
            try await fixture.drain.untilIdle()
        }
        #expect(fixture.observer.requests.map(\.flags) == [[.durationTimeout]])
    }

    @Test func `health is answered before everything else, and a drain shows in it and closes connections`()
        async throws
    {
        let fixture = InboundFixture()
        try await fixture.serving { router in
            router.get("/") { _, _ in "served" }
        } while: { address in
            try await withConnection(to: address) { inbound, outbound in
                try await outbound.send("GET", "/livez")
                #expect(try await inbound.response()?.status == 200)
                try await outbound.send("GET", "/readyz")
                #expect(try await inbound.response()?.status == 200)
                fixture.drain.beginDraining()
                try await outbound.send("GET", "/readyz")
                #expect(try await inbound.response()?.status == 503)
                try await outbound.send("GET", "/")
                let response = try await inbound.response()
                #expect(response?.body == "served" && response?.headers["connection"] == ["close"])
            }
            try await fixture.drain.untilIdle()
        }
        #expect(fixture.observer.requests.map(\.path) == ["/"])
    }

    @Test func `over HTTP/2 a drain is a GOAWAY, after which the connection ends`() async throws {
        var fixture = InboundFixture()
        fixture.server = .plaintextHTTP2()
        try await fixture.serving { router in
            router.get("/") { _, _ in "served" }
        } while: { address in
            fixture.drain.beginDraining()
            try await StreamConnection.connecting(to: address) { connection in
                let body = try await connection.get("/") { inbound, _ in try await inbound.response()?.body }
                #expect(body == "served")
                try await connection.channel.closeFuture.get()
            }
        }
    }

    @Test func `one request too many is refused with Envoy's header`() async throws {
        var fixture = InboundFixture()
        fixture.configuration.maximumConcurrentRequests = 1
        let (entered, leave) = (Signal(), Signal())
        try await fixture.serving { router in
            router.get("/") { _, _ -> String in
                entered.set()
                await leave.wait()
                return "served"
            }
        } while: { address in
            try await withConnection(to: address) { inbound, outbound in
                try await outbound.send("GET", "/")
                await entered.wait()
                try await withConnection(to: address) { inbound, outbound in
                    try await outbound.send("GET", "/")
                    let refused = try await inbound.response()
                    #expect(refused?.status == 503 && refused?.headers["x-envoy-overloaded"] == ["true"])
                    try await outbound.send("GET", "/livez")
                    #expect(try await inbound.response()?.status == 200)
                }
                leave.set()
                #expect(try await inbound.response()?.body == "served")
            }
        }
    }

    @Test func `outbound calls of a handler and of its body inherit trace and deadline`() async throws {
        let fixture = InboundFixture()
        let seen = Recorder<InboundContext?>()
        try await fixture.serving { router in
            router.get("/") { _, _ in
                seen.append(InboundContext.current)
                return Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        seen.append(InboundContext.current)
                        try await writer.finish(nil)
                    }
                )
            }
        } while: { address in
            try await withConnection(to: address) { inbound, outbound in
                try await outbound.send("GET", "/", ["grpc-timeout": "10S"])
                #expect(try await inbound.response()?.status == 200)
            }
        }
        #expect(
            seen.all.count == 2 && seen.all.allSatisfy { $0?.trace.isValid == true && $0?.deadline.isNever == false }
        )
        #expect(Set(seen.all.map { $0?.trace.traceparent }).count == 1)
    }
}
