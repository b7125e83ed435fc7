// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import HTTPTypes
import MeshConfig
import MeshCore
import MeshGRPC
import MeshHTTP
import NIOCore
import NIOPosix
import ServiceMesh
import Testing

@Suite("Calls on grpc-swift's own connections", .timeLimit(.minutes(5)))
struct EndpointTransportsIntegrationTests {
    private typealias Connections = EndpointTransports<HTTP2ClientTransport.Posix>

    private static func connections(maximumEndpoints: Int = 1024) -> Connections {
        EndpointTransports(maximumEndpoints: maximumEndpoints) { endpoint in
            try HTTP2ClientTransport.Posix(
                target: .ipv4(address: endpoint.address.host, port: Int(endpoint.address.port ?? 0)),
                transportSecurity: .plaintext
            )
        }
    }

    private static func calling<Result: Sendable>(
        _ addresses: [EndpointAddress],
        over connections: Connections = connections(),
        policies: TargetPolicies = TargetPolicies(),
        _ body: (GRPCClient<MeshClientTransport>) async throws -> Result
    ) async throws -> Result {
        let transport = try MeshClientTransport(
            target: .addresses(addresses),
            policies: policies,
            transport: connections,
            meshConfiguration: MeshConfiguration(isDisabled: false)
        )
        let result = try await withClient(transport, body)
        await connections.shutdown()
        return result
    }

    @Test("carry messages of any size, metadata and trailers", arguments: [0, 1, 20_000, 3 << 20])
    func unary(size: Int) async throws {
        try await GRPCLoopbackService.serving { address in
            try await Self.calling([address]) { client in
                let message = [UInt8](repeating: 7, count: size)
                let response = try await client.unary(
                    request: ClientRequest(message: message, metadata: ["echo": "told"]),
                    descriptor: EchoMethod.unary,
                    serializer: RawSerializer(),
                    deserializer: RawSerializer(),
                    options: .defaults
                ) { $0 }
                #expect(try response.message == message)
                #expect(response.metadata[stringValues: "echo"].contains("told"))
                #expect(response.trailingMetadata[stringValues: "echo"].contains("told"))
            }
        }
    }

    @Test("take turns, each message an answer to the one before")
    func turns() async throws {
        try await GRPCLoopbackService.serving { address in
            try await Self.calling([address]) { client in
                let (turns, turn) = AsyncStream.makeStream(of: UInt8.self)
                turn.yield(0)
                let received = try await client.chat { writer in
                    for await number in turns { try await writer.write([number]) }
                } reading: { response in
                    var received: [UInt8] = []
                    for try await message in response.messages {
                        received += message
                        if message[0] == 99 { turn.finish() } else { turn.yield(message[0] + 1) }
                    }
                    return received
                }
                #expect(received == (0..<100).map { UInt8($0) })
            }
        }
    }

    @Test("lose and reorder none of many messages, however slowly they are read")
    func many() async throws {
        let count = 5_000
        try await GRPCLoopbackService.serving { address in
            try await Self.calling([address]) { client in
                let received = try await client.chat { writer in
                    for number in 0..<count { try await writer.write([UInt8(number & 255), UInt8(number >> 8)]) }
                } reading: { response in
                    var next = 0
                    for try await message in response.messages {
                        guard Int(message[0]) | Int(message[1]) << 8 == next else { return -1 }
                        next += 1
                        if next.isMultiple(of: 500) { await Task.yield() }
                    }
                    return next
                }
                #expect(received == count)
            }
        }
    }

    @Test("fail with what the server says", arguments: [RPCError.Code.notFound, .permissionDenied])
    func statuses(code: RPCError.Code) async throws {
        try await GRPCLoopbackService.serving { _, _ in
            throw RPCError(code: code, message: "because", metadata: ["x-why": "1"])
        } while: { address in
            try await Self.calling([address]) { client in
                let error = await client.failure()
                #expect(error?.code == code && error?.message == "because")
                #expect(error?.metadata[stringValues: "x-why"].contains("1") == true)
            }
        }
    }

    /// An address that refuses connections.
    private static func deaf() async throws -> EndpointAddress {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = UInt16(channel.localAddress?.port ?? 0)
        try await channel.close()
        return EndpointAddress(host: "127.0.0.1", port: port)
    }

    @Test("go to the next endpoint where one refuses the connection")
    func refused() async throws {
        let deaf = try await Self.deaf()
        try await GRPCLoopbackService.serving { address in
            try await Self.calling([deaf, address]) { client in
                for _ in 0..<10 {
                    let answer = try await client.echo()
                    #expect(answer == [1, 2, 3])
                }
            }
        }
        try await Self.calling([deaf]) { client in
            #expect(await client.failure()?.code == .unavailable)
        }
    }

    @Test("that are cancelled end on both sides")
    func cancelled() async throws {
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        try await GRPCLoopbackService.serving { request, _ in
            StreamingServerResponse { writer in
                defer { end.finish() }
                try await writer.write([1])
                for try await _ in request.messages {}
                return [:]
            }
        } while: { address in
            try await Self.calling([address]) { client in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let (never, _) = AsyncStream.makeStream(of: Never.self)
                        try? await client.chat { _ in
                            for await _ in never {}
                        } reading: { response in
                            for try await _ in response.messages { begin.finish() }
                        }
                    }
                    for await _ in begun {}
                    group.cancelAll()
                }
                for await _ in ended {}
            }
        }
    }

    @Test("that take too long are given up")
    func deadline() async throws {
        try await GRPCLoopbackService.serving { _, context in
            StreamingServerResponse { _ in
                try await context.cancellation.cancelled
                return [:]
            }
        } while: { address in
            try await Self.calling([address]) { client in
                var options = CallOptions.defaults
                options.timeout = .milliseconds(200)
                #expect(await client.failure(options: options)?.code == .deadlineExceeded)
            }
        }
    }

    @Test("keep as many transports as they may, and let the one go that was unused for longest")
    func bound() async throws {
        try await GRPCLoopbackService.serving { first in
            try await GRPCLoopbackService.serving { second in
                let connections = Self.connections(maximumEndpoints: 1)
                try await Self.calling([first, second], over: connections) { client in
                    for _ in 0..<6 {
                        let answer = try await client.echo()
                        #expect(answer == [1, 2, 3])
                    }
                    #expect(connections.endpointCount == 1)
                }
                #expect(connections.endpointCount == 0)
            }
        }
    }

    @Test("do not reach endpoints without the protection that they want")
    func security() async throws {
        let policies = TargetPolicies(security: .mutualTLS(acceptedIdentities: []))
        try await GRPCLoopbackService.serving { address in
            try await Self.calling([address], policies: policies) { client in
                #expect(await client.failure()?.code == .unavailable)
            }
        }
    }

    @Test("are calls: other requests are refused")
    func callsOnly() async throws {
        let connections = Self.connections()
        var context = CallContext(now: SystemClock().now)
        context.endpoint = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1))
        let request = OutboundRequest(.init(method: .get, scheme: "http", authority: "a", path: "/"))
        let error = await #expect(throws: MeshError.self) {
            try await connections.send(request, context: &context)
        }
        #expect(error?.code == .invalidRequest)
        await connections.shutdown()
    }
}
