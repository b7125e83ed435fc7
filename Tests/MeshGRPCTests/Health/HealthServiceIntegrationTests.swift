// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshConfig
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshRouting
import ServiceMesh
import Testing

@Suite(.timeLimit(.minutes(5))) struct HealthServiceIntegrationTests {
    private static let address = EndpointAddress(host: "0.0.0.0", port: 9080)

    /// A message that names a service.
    private static func question(_ service: String) -> [UInt8] {
        let message = service.isEmpty ? [] : [0x0A, UInt8(service.utf8.count)] + Array(service.utf8)
        return [0, 0, 0, 0, UInt8(message.count)] + message
    }

    private static func check(_ service: String, at address: EndpointAddress) async throws -> RawCall.Answer {
        try await RawCall(path: "/grpc.health.v1.Health/Check", body: question(service)).send(to: address)
    }

    @Test func `services answer for themselves, and the empty name for the server`() async throws {
        let health = HealthService(services: ["a"])
        try await withRPCServer([health]) { _, address in
            #expect(try await Self.check("", at: address).body == [0, 0, 0, 0, 2, 8, 1])
            #expect(try await Self.check("a", at: address).body == [0, 0, 0, 0, 2, 8, 1])
            let stranger = try await Self.check("b", at: address)
            #expect(stranger.rpcStatus == "5")
            health.set(.notServing, for: "a")
            #expect(try await Self.check("a", at: address).body == [0, 0, 0, 0, 2, 8, 2])
            let garbage = try await RawCall(
                path: "/grpc.health.v1.Health/Check",
                body: [0, 0, 0, 0, 2, 0x0A, 9]
            ).send(to: address)
            #expect(garbage.rpcStatus == "3")
        }
    }

    @Test("A90: all services are listed")
    func list() async throws {
        let health = HealthService(services: ["a"])
        health.set(.notServing, for: "a")
        try await withRPCServer([health]) { _, address in
            let call = RawCall(path: "/grpc.health.v1.Health/List", body: Self.question(""))
            let answer = try await call.send(to: address)
            let entries: [UInt8] = [0x0A, 6, 0x0A, 0, 0x12, 2, 8, 1, 0x0A, 7, 0x0A, 1, 97, 0x12, 2, 8, 2]
            #expect(answer.body == [0, 0, 0, 0, UInt8(entries.count)] + entries)
            #expect(answer.rpcStatus == "0")
        }
    }

    @Test func `those who watch hear each change, and the drain`() async throws {
        let stack = InboundStack(mesh: try Mesh(), address: Self.address)
        let health = HealthService(stack)
        try await withRPCServer([health], stack: stack) { _, address in
            try await withPlainRPCClient(to: address) { client in
                try await client.serverStreaming(
                    request: ClientRequest(message: ""),
                    descriptor: MethodDescriptor(
                        service: ServiceDescriptor(fullyQualifiedService: "grpc.health.v1.Health"),
                        method: "Watch"
                    ),
                    serializer: TextCoder(),
                    deserializer: TextCoder(),
                    options: .defaults
                ) { response in
                    var statuses = response.messages.makeAsyncIterator()
                    let status1 = try await statuses.next()
                    #expect(status1 == "\u{8}\u{1}")
                    health.set(.notServing)
                    let status2 = try await statuses.next()
                    #expect(status2 == "\u{8}\u{2}")
                    health.set(.serving)
                    let status3 = try await statuses.next()
                    #expect(status3 == "\u{8}\u{1}")
                    stack.drain.beginDraining()
                    let status4 = try await statuses.next()
                    #expect(status4 == "\u{8}\u{2}")
                    stack.drain.beginStopping()
                    let error = await #expect(throws: RPCError.self) { try await statuses.next() }
                    #expect(error?.code == .unavailable)
                }
            }
        }
    }

    @Test func `a server that waits for its configuration does not serve, and says so when it does`() async throws {
        struct SilentSource: ConfigSource {
            let name = "silent"
            func run(delivering sink: ConfigSink) async throws {}
        }
        let mesh = try Mesh(sources: [SilentSource()])
        let health = HealthService(InboundStack(mesh: mesh, address: Self.address))
        #expect(health.status() == .notServing)
        try mesh.apply(MeshResources())
        #expect(health.status() == .serving)
        #expect(health.status(of: "other") == nil)
    }
}
