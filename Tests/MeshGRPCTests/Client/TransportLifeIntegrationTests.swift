// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import MeshGRPC
import MeshHTTP
import NIOPosix
import ServiceMesh
import Testing

@Suite("The life of a client transport", .timeLimit(.minutes(5)))
struct TransportLifeIntegrationTests {
    @Test("ends when it was told to, and calls under way have ended")
    func graceful() async throws {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Never.self)
        try await GRPCLoopbackService.serving { request, _ in
            arrive.yield()
            return StreamingServerResponse { writer in
                for await _ in released {}
                for try await message in request.messages { try await writer.write(message) }
                return [:]
            }
        } while: { address in
            let transport = try MeshClientTransport.to([address])
            let client = GRPCClient(transport: transport)
            try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask {
                    try await client.runConnections()
                    return "connections"
                }
                group.addTask {
                    let answer = try await client.echo()
                    return "\(answer)"
                }
                for await _ in arrived { break }
                client.beginGracefulShutdown()
                let refused = await #expect(throws: RPCError.self) {
                    try await transport.withStream(descriptor: EchoMethod.unary, options: .defaults) { _, _ in }
                }
                #expect(refused?.code == .failedPrecondition)
                #expect(transport.callCount == 1)
                release.finish()
                var ends: [String] = []
                for try await end in group { ends.append(end) }
                #expect(ends == ["[1, 2, 3]", "connections"] || ends == ["connections", "[1, 2, 3]"])
                #expect(transport.callCount == 0)
            }
        }
    }

    @Test("ends at once when its task is cancelled, and so do its calls")
    func cancelled() async throws {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        try await ScriptedRPCServer.serving { _ in
            arrive.yield()
            return .silence
        } while: { _, address in
            let client = GRPCClient(transport: try MeshClientTransport.to([address]))
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await client.runConnections() }
                async let failed = client.failure()
                for await _ in arrived { break }
                group.cancelAll()
                await group.waitForAll()
                #expect(await failed != nil)
            }
        }
    }

    @Test("begins once")
    func once() async throws {
        let transport = try MeshClientTransport.to([EndpointAddress(host: "127.0.0.1", port: 1)])
        transport.beginGracefulShutdown()
        try await transport.connect()
        let error = await #expect(throws: RPCError.self) { try await transport.connect() }
        #expect(error?.code == .failedPrecondition)
    }

    @Test("of a mesh that others run leaves mesh and connections to them")
    func shared() async throws {
        try await ScriptedRPCServer.serving { _ in
            .ok
        } while: { server, address in
            let mesh = try Mesh(MeshConfiguration(isDisabled: false))
            try mesh.apply(.greeter(routes: [.to("c")], clusters: [.fixed("c", [address])]))
            try await withHTTPTransport { http in
                for _ in 0..<2 {
                    try await withClient(.mesh(mesh, transport: http, target: "xds:///greeter")) { client in
                        let answer = try await client.echo()
                        #expect(answer == [42])
                    }
                }
                #expect(server.calls.count == 2)
                #expect(throws: ConfigurationError.self) {
                    try MeshClientTransport(mesh: mesh, transport: http, target: MeshTarget("dns:///host:1"))
                }
            }
        }
    }

    @Test("tells whether its calls find somebody")
    func connectivity() async throws {
        let closed = try await ScriptedRPCServer.closedPort()
        let failing = try MeshClientTransport.to([closed])
        #expect(failing.connectivity == .idle)
        try await withClient(failing) { client in
            _ = await client.failure()
            #expect(failing.connectivity == .transientFailure)
        }
        #expect(failing.connectivity == .shutdown)
        try await ScriptedRPCServer.serving { _ in
            .trailersOnly(14)
        } while: { _, address in
            let transport = try MeshClientTransport.to([address])
            try await withClient(transport) { client in
                _ = await client.failure()
                #expect(transport.connectivity == .ready)
            }
        }
    }

    @Test("needs somebody who describes the services that it calls")
    func sources() {
        #expect(throws: ConfigurationError.self) { try MeshClientTransport(target: MeshTarget("xds:///greeter")) }
    }

    @Test("says what methods' options are, but not how often calls are made")
    func methods() throws {
        var configuration = MeshClientTransport.Configuration()
        configuration.methodConfig = { descriptor in
            guard descriptor.method == "Unary" else { return nil }
            var config = MethodConfig(names: [])
            config.timeout = .seconds(3)
            config.executionPolicy = .hedge(
                HedgingPolicy(maxAttempts: 2, hedgingDelay: .zero, nonFatalStatusCodes: [])
            )
            return config
        }
        let address = EndpointAddress(host: "127.0.0.1", port: 1)
        let transport = try MeshClientTransport.to([address], configuration: configuration)
        #expect(transport.config(forMethod: EchoMethod.unary)?.timeout == .seconds(3))
        #expect(transport.config(forMethod: EchoMethod.unary)?.executionPolicy == nil)
        #expect(transport.config(forMethod: EchoMethod.chat) == nil)
    }
}
