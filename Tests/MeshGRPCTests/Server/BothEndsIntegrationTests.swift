// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import MeshGRPC
import ServiceMesh
import Testing

/// Our client calls our server.
@Suite(.timeLimit(.minutes(5))) struct BothEndsIntegrationTests {
    private func calling<Result: Sendable>(
        _ address: EndpointAddress,
        _ body: @Sendable (GRPCClient<MeshClientTransport>) async throws -> Result
    ) async throws -> Result {
        try await withGRPCClient(transport: try MeshClientTransport.mesh(target: "static:\(address)")) {
            try await body($0)
        }
    }

    @Test func `a stream of many messages loses and reorders none, with a reader that is slower than its writer`()
        async throws
    {
        let count = 50_000
        try await withRPCServer([EchoService.echo]) { _, address in
            let received = try await calling(address) { client in
                try await client.bidirectionalStreaming(
                    request: StreamingClientRequest<String> { writer in
                        for number in 0..<count { try await writer.write("\(number)") }
                    },
                    descriptor: EchoService.method(.bidirectionalStreaming),
                    serializer: TextCoder(),
                    deserializer: TextCoder(),
                    options: .defaults
                ) { response in
                    var next = 0
                    for try await text in response.messages {
                        guard text == "\(next)!" else { return -1 }
                        next += 1
                        if next.isMultiple(of: 1000) { await Task.yield() }
                    }
                    return next
                }
            }
            #expect(received == count)
        }
    }

    @Test func `a message of a megabyte comes whole, and one beyond the limit not at all`() async throws {
        let configuration = MeshServerTransport.Configuration(maximumRequestMessageBytes: 1 << 20)
        try await withRPCServer([EchoService.echo], configuration) { _, address in
            let (whole, refused) = try await calling(address) { client in
                let text = String(repeating: "x", count: 1 << 20)
                let whole = try await Self.unary(client, text)
                let error = await #expect(throws: RPCError.self) { try await Self.unary(client, text + "x") }
                return (whole.utf8.count, error?.code)
            }
            #expect(whole == 1 << 20 + 1)
            #expect(refused == .resourceExhausted)
        }
    }

    @Test func `the status, its message and its metadata are the caller's`() async throws {
        let failing = EchoService { _, _ in
            throw RPCError(code: .notFound, message: "nobody ✗", metadata: ["x-why-bin": .binary([1, 2, 3])])
        }
        try await withRPCServer([failing]) { _, address in
            let error = await #expect(throws: RPCError.self) {
                try await calling(address) { try await Self.unary($0, "a") }
            }
            #expect(error?.code == .notFound)
            #expect(error?.message == "nobody ✗")
            #expect(error.map { Array($0.metadata[binaryValues: "x-why-bin"]) } == [[1, 2, 3]])
        }
    }

    @Test func `a caller that leaves cancels the handler`() async throws {
        let (events, sink) = AsyncStream<String>.makeStream()
        let waiting = EchoService { _, context in
            StreamingServerResponse { writer in
                try await writer.write("begun")
                sink.yield("begun")
                try? await context.cancellation.cancelled
                sink.yield("cancelled")
                return [:]
            }
        }
        try await withRPCServer([waiting]) { _, address in
            try await calling(address) { client in
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await client.serverStreaming(
                            request: ClientRequest(message: "a"),
                            descriptor: EchoService.method(.serverStreaming),
                            serializer: TextCoder(),
                            deserializer: TextCoder(),
                            options: .defaults
                        ) { for try await _ in $0.messages {} }
                    }
                    var heard = events.makeAsyncIterator()
                    #expect(await heard.next() == "begun")
                    group.cancelAll()
                    #expect(await heard.next() == "cancelled")
                    _ = await group.nextResult()
                }
            }
        }
    }

    private static func unary(_ client: GRPCClient<MeshClientTransport>, _ text: String) async throws -> String {
        try await client.unary(
            request: ClientRequest(message: text),
            descriptor: EchoService.method(.unary),
            serializer: TextCoder(),
            deserializer: TextCoder(),
            options: .defaults
        ) { try $0.message }
    }
}
