// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshAsyncHTTPClient
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import Testing

@Suite("AsyncHTTPClient as a transport, when things go wrong", .timeLimit(.minutes(5)))
struct TransportFailureIntegrationTests {
    /// Both ways in which requests are sent.
    private static let requests = [
        OutboundRequest.get("/"),
        .post("/", .written { try await $0.write(ByteBuffer(string: "body")) }),
    ]

    @Test(arguments: requests)
    func `says at once that nothing was sent when nobody listens`(request: OutboundRequest) async throws {
        // A port that the system gives to nobody: one that was free a moment ago may be another test's by now.
        let nobody = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1))
        try await withTransport { transport in
            let contract = TransportContract(transport)
            var context = contract.callContext(nobody)
            let error = await meshError { _ = try await contract.send(request, context: &context) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.origin == .upstream)
            #expect(error?.requestState == .notSent)
            #expect(error?.endpoint == nobody.address)
            #expect(context.requestState == .notSent)
            #expect(contract.violations == [])
        }
    }

    @Test(arguments: requests)
    func `says that it may have been sent when the server closes before it answers`(
        request: OutboundRequest
    ) async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
        } while: { endpoint in
            try await withTransport { transport in
                var context = transport.callContext(endpoint)
                let error = await meshError { _ = try await transport.send(request, context: &context) }
                #expect(error?.code == .connectionClosed)
                #expect(error?.origin == .upstream)
                #expect(error?.requestState == .maybeSent)
                #expect(context.requestState == .maybeSent)
                #expect(context.openExchanges == 0)
            }
        }
    }

    @Test(arguments: requests)
    func `gives what came of a body that breaks off, then says so`(request: OutboundRequest) async throws {
        let isRead = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it")
            await isRead.wait()
        } while: { endpoint in
            try await withTransport { transport in
                let contract = TransportContract(transport)
                var context = contract.callContext(endpoint)
                var received = ""
                let error = await meshError {
                    try await contract.withResponse(to: request, context: &context) { response in
                        for try await chunk in response.body {
                            received += String(buffer: chunk)
                            isRead.set()
                        }
                    }
                }
                #expect(received == "half of it")
                #expect(error?.code == .connectionClosed)
                #expect(error?.requestState == .answered)
                #expect(contract.violations == [])
            }
        }
    }

    @Test(arguments: requests)
    func `says that the peer broke the protocol`(request: OutboundRequest) async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("this is no HTTP\r\n\r\n")
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                let error = await meshError { _ = try await transport.exchange(request, with: endpoint) }
                #expect(error?.code == .protocolViolation)
                #expect(error?.requestState == .maybeSent)
            }
        }
    }

    @Test(arguments: requests)
    func `ends at its deadline before the head, and so does its connection`(request: OutboundRequest) async throws {
        let closed = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            await connection.readToEnd()
            closed.set()
        } while: { endpoint in
            try await withTransport { transport in
                let error = await meshError {
                    _ = try await transport.exchange(request, with: endpoint, timeout: .milliseconds(50))
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == .maybeSent)
                await closed.wait()
            }
        }
    }

    @Test(arguments: requests)
    func `ends an attempt at the attempt's deadline, and a body at the request's`(
        request: OutboundRequest
    ) async throws {
        try await LoopbackServer.serving { connection, number in
            _ = try await connection.readHead()
            if number == 1 { try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow") }
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                var context = transport.callContext(endpoint, timeout: .seconds(100))
                context.attemptDeadline = Deadline(.milliseconds(50), after: context.startedAt)
                let first = await meshError { _ = try await transport.send(request, context: &context) }
                #expect(first?.code == .deadlineExceeded)
                #expect(first?.requestState == .maybeSent)

                context.deadline = Deadline(.seconds(5), after: SystemClock().now)
                context.attemptDeadline = .never
                var received = ""
                let second = await meshError {
                    try await transport.withResponse(to: request, context: &context) { response in
                        for try await chunk in response.body { received += String(buffer: chunk) }
                    }
                }
                #expect(received == "slow")
                #expect(second?.code == .deadlineExceeded)
                #expect(second?.requestState == .answered)
                #expect(context.openExchanges == 0)
            }
        }
    }

    @Test(arguments: requests)
    func `is refused before anything is sent when its deadline has passed`(request: OutboundRequest) async throws {
        try await withTransport { transport in
            let endpoint = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 9))
            let error = await meshError { _ = try await transport.exchange(request, with: endpoint, timeout: .zero) }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.origin == .local)
            #expect(error?.requestState == .notSent)
        }
    }

    @Test(arguments: requests, [false, true])
    func `ends with the caller's task, before the head and in the body`(
        request: OutboundRequest,
        inBody: Bool
    ) async throws {
        let (arrived, closed) = (Signal(), Signal())
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            if inBody {
                try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow")
            } else {
                arrived.set()
            }
            await connection.readToEnd()
            closed.set()
        } while: { endpoint in
            try await withTransport { transport in
                let contract = TransportContract(transport)
                let error = await withTaskGroup(of: MeshError?.self) { group in
                    group.addTask {
                        var context = contract.callContext(endpoint)
                        return await meshError {
                            try await contract.withResponse(to: request, context: &context) { response in
                                for try await _ in response.body { arrived.set() }
                            }
                        }
                    }
                    await arrived.wait()
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(error?.code == .cancelled)
                #expect(error?.origin == .downstream)
                #expect(error?.requestState == (inBody ? .answered : .maybeSent))
                await closed.wait()
                #expect(contract.violations == [])
            }
        }
    }

    @Test
    func `takes nothing more after it was shut down`() async throws {
        let transport = AsyncHTTPClientTransport()
        try await transport.shutdown()
        let endpoint = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 9))
        for request in Self.requests {
            let error = await meshError { _ = try await transport.exchange(request, with: endpoint) }
            #expect(error?.code == .cancelled)
            #expect(error?.origin == .local)
            #expect(error?.requestState == .notSent)
        }
    }
}
