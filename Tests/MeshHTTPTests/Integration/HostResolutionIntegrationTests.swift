// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Dispatch
import HTTPTypes
import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import NIOCore
import NIOPosix
import ServiceMesh
import Testing

@testable import MeshHTTP

@Suite("Endpoints by their host names", .timeLimit(.minutes(5)))
struct HostResolutionIntegrationTests {
    /// Answers every request on a connection.
    private static let serve: @Sendable (LoopbackServer.Connection, Int) async throws -> Void = { connection, number in
        while try await connection.readHead() != nil {
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\(number % 10)")
        }
    }

    private func resources(_ host: String, _ port: UInt16, _ settings: DNSDiscovery) -> MeshResources {
        var resources = MeshResources.service(on: [])
        let address = EndpointAddress(host: host, port: port)
        resources.clusters["reviews"]?.discovery = .dns(
            EndpointAssignment(name: "reviews", addresses: [address]),
            settings
        )
        return resources
    }

    /// Runs a mesh around a body.
    private func running(_ mesh: Mesh, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await mesh.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    @Test("of DNS clusters are looked up by the system, and requests reach them", arguments: DNSDiscovery.Kind.allCases)
    func localhost(kind: DNSDiscovery.Kind) async throws {
        try await LoopbackServer.serving(Self.serve) { endpoint in
            let port = try #require(endpoint.address.port)
            let recorder = RecordingObserver()
            let mesh = try Mesh(MeshConfiguration(observers: [recorder]))
            // The server is at the address of version 4 alone.
            let settings = DNSDiscovery(kind: kind, lookupFamily: .version4Only)
            try await withTransport { transport in
                let client = MeshHTTPClient(mesh: mesh, transport: transport)
                try mesh.apply(resources("localhost", port, settings))
                try await running(mesh) {
                    try await mesh.ready(timeout: .seconds(60))
                    let answer = try await client.get("http://reviews/")
                    #expect(answer.response.status == .ok)
                }
            }
            let sent = try #require(recorder.attempts.last?.endpoint)
            #expect(sent.host == (kind == .strict ? "127.0.0.1" : "localhost"))
        }
    }

    @Test("of logical clusters keep their connections when their addresses change, and make new ones to the new ones")
    func moved() async throws {
        try await LoopbackServer.serving(Self.serve) { endpoint in
            var named = endpoint
            let host = ResolvedHost([try #require(IPAddress("127.0.0.1"))])
            named.address.host = "reviews.invalid"
            named.resolvedHost = host
            try await withTransport { transport in
                func send() async throws -> String {
                    var context = transport.callContext(named, timeout: .seconds(60))
                    let response = try await transport.send(.get("/"), context: &context)
                    let body = try await response.body.collect(upTo: 10)
                    transport.finish(&context, .completed)
                    return String(buffer: body)
                }
                #expect(try await send() == "0")
                // Nobody listens there: RFC 5737's addresses are for documentation.
                host.update([try #require(IPAddress("127.0.0.1")), try #require(IPAddress("192.0.2.1"))])
                #expect(try await send() == "0")
                transport.closeIdleConnections()
                try await transport.settle()
                #expect(try await send() == "1")
            }
        }
    }

    @Test("come from the system's tables, those of this machine without a network")
    func system() async throws {
        let resolver = SystemHostResolver()
        let all = try await resolver.resolve("localhost", family: .all)
        let loopback = try [#require(IPAddress("127.0.0.1")), #require(IPAddress("::1"))]
        #expect(!all.isEmpty && all.allSatisfy { loopback.contains($0.address) && $0.timeToLive == nil })
        let version4 = try await resolver.resolve("localhost", family: .version4Only)
        #expect(version4.map(\.address) == [loopback[0]])
        #expect(try await resolver.resolve("127.0.0.9", family: .automatic).map(\.address.description) == ["127.0.0.9"])
    }

    /// What a lookup fails with.
    private func outcome(of resolver: SystemHostResolver) async -> (any Error)? {
        do {
            _ = try await resolver.resolve("a", family: .all)
            return nil
        } catch {
            return error
        }
    }

    @Test("are waited for no longer than somebody wants them")
    func cancelled() async throws {
        let (entered, release) = (Signal(), DispatchSemaphore(value: 0))
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let resolver = SystemHostResolver(pool: pool) { _ in
            entered.set()
            release.wait()
            return []
        }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await outcome(of: resolver) is CancellationError
            }
            await entered.wait()
            group.cancelAll()
            // The thread is still blocked.
            #expect(await group.next() == true)
        }
        // One lookup blocks the thread, and more wait for it; one too many is refused.
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<70 {
                group.addTask { await outcome(of: resolver) == nil }
            }
            var refused = 0
            while refused < 7, let isFine = await group.next() { refused += isFine ? 0 : 1 }
            #expect(refused == 7)
            for _ in 0..<100 { release.signal() }
            var answered = 0
            for await isFine in group where isFine { answered += 1 }
            #expect(answered == 63)
        }
        try await pool.shutdownGracefully()
    }
}
