// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import Logging
import MeshCore
import MeshGRPC
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServiceIntegrationTests {
    @Test func `a server finishes its calls when its group shuts down, and a client ends before it`() async throws {
        let (begun, sink) = AsyncStream<Void>.makeStream()
        let (release, gate) = AsyncStream<Void>.makeStream()
        let slow = EchoService { request, _ in
            for try await _ in request.messages {}
            sink.yield()
            for await _ in release {}
            return StreamingServerResponse { writer in
                try await writer.write("done")
                return [:]
            }
        }
        let server = GRPCServer(transport: MeshServerTransport(), services: [slow])
        let servers = ServiceGroup(
            configuration: .init(
                services: [.init(service: GRPCServerService(server))],
                logger: Logger(label: "servers")
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await servers.run() }
            let address = try await server.transport.listeningAddress
            let client = GRPCClient(
                transport: try .http2NIOPosix(
                    target: .ipv4(address: address.host, port: Int(address.port ?? 0)),
                    transportSecurity: .plaintext
                )
            )
            let clients = ServiceGroup(
                configuration: .init(
                    services: [.init(service: GRPCClientService(client))],
                    logger: Logger(label: "clients")
                )
            )
            group.addTask { try await clients.run() }
            async let answer = client.unary(
                request: ClientRequest(message: "a"),
                descriptor: EchoService.method(.unary),
                serializer: TextCoder(),
                deserializer: TextCoder(),
                options: .defaults
            ) { try $0.message }
            var starts = begun.makeAsyncIterator()
            await starts.next()
            await servers.triggerGracefulShutdown()
            await clients.triggerGracefulShutdown()
            gate.finish()
            let text = try await answer
            #expect(text == "done")
            try await group.waitForAll()
        }
    }
}
