// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import HTTPTypes
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshTesting
import ServiceMesh
import Testing

@Suite("Calls whose messages are compressed", .timeLimit(.minutes(5)))
struct CompressionIntegrationTests {
    private static let text = String(repeating: "All that is gold does not glitter. ", count: 2000)

    private static func call(
        _ client: GRPCClient<some ClientTransport>,
        _ text: String = text,
        _ algorithm: CompressionAlgorithm? = nil
    ) async throws -> String {
        var options = CallOptions.defaults
        options.compression = algorithm
        return try await client.unary(
            request: ClientRequest(message: text),
            descriptor: EchoService.method(.unary),
            serializer: TextCoder(),
            deserializer: TextCoder(),
            options: options
        ) { try $0.message }
    }

    @Test("grpc-swift's server reads what this client compresses, and back", arguments: [0, 1, 65_536, 3 << 20])
    func plainServer(size: Int) async throws {
        let message = [UInt8](repeating: 7, count: size)
        try await GRPCLoopbackService.serving(compression: .all) { address in
            for algorithm in [CompressionAlgorithm.gzip, .deflate, .none] {
                try await withClient(.to([address])) { client in
                    var options = CallOptions.defaults
                    options.compression = algorithm
                    let answer = try await client.echo(message, options: options)
                    #expect(answer == message)
                }
                var configuration = MeshClientTransport.Configuration()
                configuration.compression = MessageCompression(algorithm: algorithm)
                try await withClient(.to([address], configuration: configuration)) { client in
                    let received = try await client.chat { writer in
                        for _ in 0..<3 { try await writer.write(message) }
                    } reading: { response in
                        var received = 0
                        for try await answer in response.messages where answer == message { received += 1 }
                        return received
                    }
                    #expect(received == 3)
                }
            }
        }
    }

    @Test("grpc-swift's client reads what this server compresses, and back")
    func plainClient() async throws {
        for algorithm in [CompressionAlgorithm.gzip, .deflate, .none] {
            var configuration = MeshServerTransport.Configuration()
            configuration.compression = MessageCompression(algorithm: algorithm)
            try await withRPCServer([EchoService.echo], configuration) { _, address in
                for mine in [CompressionAlgorithm.gzip, .deflate, .none] {
                    try await withPlainRPCClient(to: address, compression: mine) { client in
                        let answer = try await Self.call(client)
                        #expect(answer == Self.text + "!")
                    }
                }
            }
        }
    }

    @Test("messages are smaller on the wire, as it is told to observers")
    func sizes() async throws {
        let observer = RecordingObserver()
        var meshConfiguration = MeshConfiguration(isDisabled: false)
        meshConfiguration.observers = [observer]
        var configuration = MeshServerTransport.Configuration()
        configuration.compression = MessageCompression(algorithm: .gzip)
        let mesh = try Mesh(meshConfiguration)
        let stack = InboundStack(mesh: mesh, address: EndpointAddress(host: "0.0.0.0", port: 9080))
        try await withRPCServer([EchoService.echo], configuration, stack: stack) { _, address in
            try await withClient(.to([address])) { client in
                for algorithm in [CompressionAlgorithm.gzip, .none] {
                    let answer = try await Self.call(client, Self.text, algorithm)
                    #expect(answer == Self.text + "!")
                }
            }
        }
        let (compressed, plain) = (observer.requests.first, observer.requests.last)
        #expect((1...1000).contains(compressed?.requestMessageBytes ?? 0))
        #expect((1...1000).contains(compressed?.responseMessageBytes ?? 0))
        #expect(plain?.requestMessageBytes == UInt64(Self.text.utf8.count))
    }

    @Test("a message that unfolds into more than is accepted ends its call, on either side")
    func bombs() async throws {
        let large = String(repeating: "x", count: 5 << 20)
        var generous = MeshClientTransport.Configuration(maximumRequestMessageBytes: 64 << 20)
        generous.compression = MessageCompression(algorithm: .gzip)
        let configuration = generous
        try await withRPCServer([EchoService.echo]) { _, address in
            try await withClient(.to([address], configuration: configuration)) { client in
                let error = await #expect(throws: RPCError.self) { _ = try await Self.call(client, large) }
                #expect(error?.code == .resourceExhausted)
                let answer = try await Self.call(client, "small")
                #expect(answer == "small!")
            }
        }
        var server = MeshServerTransport.Configuration(maximumResponseMessageBytes: 64 << 20)
        server.maximumRequestMessageBytes = 64 << 20
        server.compression = MessageCompression(algorithm: .gzip)
        try await withRPCServer([EchoService.echo], server) { _, address in
            try await withClient(.to([address], configuration: configuration)) { client in
                let error = await #expect(throws: RPCError.self) { _ = try await Self.call(client, large) }
                #expect(error?.code == .resourceExhausted)
            }
        }
    }

    @Test("what is not accepted is refused: by a server as unimplemented, by a client as an error of the server's")
    func refusals() async throws {
        var strict = MeshServerTransport.Configuration()
        strict.compression = MessageCompression(accepted: .deflate)
        try await withRPCServer([EchoService.echo], strict) { _, address in
            var call = RawCall(body: RawCall.message("hi", flag: 1))
            call.fields[.grpcEncoding] = "gzip"
            let answer = try await call.send(to: address)
            #expect(answer.rpcStatus == "12")
            #expect(answer.head[.grpcAcceptEncoding] == "identity,deflate")
            call.fields[.grpcEncoding] = "identity"
            #expect(try await call.send(to: address).rpcStatus == "13")
        }
        try await ScriptedRPCServer.serving { _ in
            .http(200, fields: [("content-type", "application/grpc"), ("grpc-encoding", "br")])
        } while: { _, address in
            try await withClient(.to([address])) { client in
                #expect(await client.failure()?.code == .internalError)
            }
        }
    }

    @Test("a transport of another kind compresses by itself what was compressed for it")
    func plugged() async throws {
        let connections = EndpointTransports { endpoint in
            try HTTP2ClientTransport.Posix(
                target: .ipv4(address: endpoint.address.host, port: Int(endpoint.address.port ?? 0)),
                transportSecurity: .plaintext,
                config: .defaults { $0.compression.enabledAlgorithms = .all }
            )
        }
        try await GRPCLoopbackService.serving(compression: .all) { address in
            var configuration = MeshClientTransport.Configuration()
            configuration.compression = MessageCompression(algorithm: .gzip)
            let transport = try MeshClientTransport(
                target: .addresses([address]),
                transport: connections,
                configuration: configuration,
                meshConfiguration: MeshConfiguration(isDisabled: false)
            )
            try await withClient(transport) { client in
                let message = [UInt8](repeating: 7, count: 100_000)
                let answer = try await client.echo(message)
                #expect(answer == message)
            }
        }
        await connections.shutdown()
    }
}
