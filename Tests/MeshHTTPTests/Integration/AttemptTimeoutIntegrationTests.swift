// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import NIOPosix
import Testing

@Suite("The timeout of an attempt on a real socket", .timeLimit(.minutes(5)))
struct AttemptTimeoutIntegrationTests {
    /// A request that has ten seconds, and ten milliseconds until its response's head.
    private func callContext(_ transport: HTTPTransport, _ endpoint: Endpoint) -> CallContext {
        var context = transport.callContext(endpoint, timeout: .seconds(10))
        context.attemptDeadline = Deadline(.milliseconds(10), after: transport.configuration.clock.now)
        return context
    }

    @Test("ends an attempt whose head is slow, and its connection")
    func slowHead() async throws {
        let clock = ManualClock()
        let closed = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            clock.advance(by: .milliseconds(10))
            await connection.readToEnd()
            closed.set()
        } while: { endpoint in
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                var context = callContext(transport, endpoint)
                let error = await meshError { _ = try await transport.send(.get("/"), context: &context) }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == .maybeSent)
                await closed.wait()
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("leaves a response alone whose head came in time, however slow its body is")
    func slowBody() async throws {
        let clock = ManualClock()
        let go = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nslow")
            await go.wait()
            try await connection.write("body")
            await connection.readToEnd()
        } while: { endpoint in
            defer { go.set() }
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                var context = callContext(transport, endpoint)
                let received = Recorder<String>()
                try await transport.withResponse(to: .get("/"), context: &context) { response in
                    for try await chunk in response.body {
                        received.append(String(buffer: chunk))
                        guard received.all.joined() == "slow" else { continue }
                        clock.advance(by: .seconds(1))
                        // The alarm that was set for the head rings on the same loop, and before this one.
                        let loop = transport.configuration.eventLoopGroup.next()
                        try await loop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
                        go.set()
                    }
                }
                #expect(received.all.joined() == "slowbody")
                #expect(transport.statistics.connections == 1)
            }
        }
    }

    @Test("leaves the end of a slow body to the request's own deadline")
    func requestDeadline() async throws {
        let clock = ManualClock()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow")
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                var context = callContext(transport, endpoint)
                let error = await meshError {
                    try await transport.withResponse(to: .get("/"), context: &context) { response in
                        for try await chunk in response.body {
                            #expect(String(buffer: chunk) == "slow")
                            clock.advance(by: .seconds(10))
                        }
                    }
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == .answered)
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }
}
