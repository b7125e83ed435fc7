// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Control planes that are slow or say too much, over loopback", .timeLimit(.minutes(5)))
struct FaultsIntegrationTests {
    private static func following(
        _ servers: [Bootstrap.Server],
        _ recorder: RecordingSink,
        clock: any MeshClock = SystemClock(),
        _ body: (XDSConfigSource) async throws -> Void
    ) async throws {
        let source = XDSConfigSource(
            bootstrap: Bootstrap(servers: servers, node: .init(id: "n")),
            backoff: ReconnectBackoff(base: .milliseconds(50), maximum: .milliseconds(500)),
            clock: clock
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await source.run(delivering: recorder.sink) }
            try await body(source)
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    private static func serving(
        _ provider: some XDSResourceProvider,
        _ body: (EndpointAddress) async throws -> Void
    ) async throws {
        let server = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: provider)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await body(try await server.listeningAddress)
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    /// Waits until a connection is lost.
    private static func loss(_ recorder: RecordingSink) async -> String? {
        while let event = await recorder.event() {
            if event.hasPrefix("lost") { return event }
        }
        return nil
    }

    /// A configuration of one listener that says everything itself, and the response that brings it.
    private static func alone() throws -> (resources: MeshResources, response: [UInt8]) {
        let listener = Listener(name: "alone", routes: .inline(RouteConfiguration(name: "", virtualHosts: [])))
        let resources = MeshResources(listeners: [listener])
        let packed = try #require(Fixtures.packed(resources, .listener)["alone"])
        let response = Envoy_Service_Discovery_V3_DiscoveryResponse.with {
            $0.typeURL = ResourceKind.listener.typeURL
            $0.versionInfo = "1"
            $0.nonce = "1"
            $0.resources = [.init(typeName: packed.typeName, bytes: packed.bytes)]
        }
        return (resources, DrippingServer.framed(try response.serializedBytes()))
    }

    @Test("a server that accepts connections and says nothing is given up and told of; the next one serves")
    func mute() async throws {
        let recorder = RecordingSink()
        try await DrippingServer(.mute).serving { mute in
            try await Self.serving(ScriptedProvider(Fixtures.mesh)) { good in
                let servers = [Bootstrap.Server(uri: "\(mute)"), Bootstrap.Server(uri: "\(good)")]
                try await Self.following(servers, recorder, clock: HurriedClock(factor: 20)) { _ in
                    #expect(await Self.loss(recorder) != nil)
                    #expect(await recorder.configuration() == Fixtures.mesh)
                }
            }
        }
    }

    @Test("a response that comes byte by byte is told of, and counts when it is whole")
    func drip() async throws {
        let recorder = RecordingSink()
        let (resources, response) = try Self.alone()
        let server = DrippingServer(.drip(response))
        try await server.serving { address in
            let servers = [Bootstrap.Server(uri: "\(address)")]
            try await Self.following(servers, recorder, clock: HurriedClock(factor: 20)) { source in
                #expect(await Self.loss(recorder) != nil)
                #expect(source.origin == .nowhere)
                server.hurry()
                #expect(await recorder.configuration() == resources)
                while let event = await recorder.event(), event != "connected" {}
            }
        }
    }

    @Test("while it comes byte by byte the next server serves, until it is whole")
    func dripWithFallback() async throws {
        let recorder = RecordingSink()
        let (resources, response) = try Self.alone()
        let server = DrippingServer(.drip(response))
        try await server.serving { slow in
            try await Self.serving(ScriptedProvider(Fixtures.mesh)) { good in
                let servers = [Bootstrap.Server(uri: "\(slow)"), Bootstrap.Server(uri: "\(good)")]
                try await Self.following(servers, recorder, clock: HurriedClock(factor: 20)) { _ in
                    #expect(await recorder.configuration() == Fixtures.mesh)
                    server.hurry()
                    #expect(await recorder.configuration() == resources)
                }
            }
        }
    }

    private static func crowd(_ count: Int) -> MeshResources {
        var mesh = Fixtures.mesh
        mesh.endpointAssignments["c"] = EndpointAssignment(
            name: "c",
            addresses: (0..<count).map { EndpointAddress(host: "10.0.\($0 / 256).\($0 % 256)", port: 80) }
        )
        return mesh
    }

    @Test("a response above the bound ends the stream as a failure, though good ones came before, until one is shorter")
    func tooLong() async throws {
        let provider = ScriptedProvider(Self.crowd(5000))
        let recorder = RecordingSink()
        try await Self.serving(provider) { address in
            let servers = [Bootstrap.Server(uri: "\(address)", maximumMessageBytes: 20_000)]
            try await Self.following(servers, recorder) { _ in
                #expect(await recorder.event() == "connected")
                // Each time anew: a server that goes on with it goes on being told of.
                for _ in 0..<2 { #expect(await Self.loss(recorder) != nil) }
                provider.set(Self.crowd(10), version: "2")
                #expect(await recorder.configuration() == Self.crowd(10))
            }
        }
    }

    @Test("by default that bound is 64 MiB, and what says that it is longer is not waited for")
    func aboveDefault() async throws {
        let recorder = RecordingSink()
        let claim = DrippingServer.framed(Array(repeating: 0, count: 100), length: 64 << 20 | 1)
        let server = DrippingServer(.drip(claim))
        server.hurry()
        try await server.serving { address in
            try await Self.following([Bootstrap.Server(uri: "\(address)")], recorder) { _ in
                #expect(await Self.loss(recorder) != nil)
            }
        }
    }

    @Test("64 MB that are no resources are refused, and what follows is taken")
    func vast() async throws {
        var response = Envoy_Service_Discovery_V3_DiscoveryResponse()
        response.typeURL = ResourceKind.listener.typeURL
        response.versionInfo = "vast"
        response.nonce = "vast"
        let noise = [UInt8](repeating: 0xFF, count: 64_000_000)
        response.resources = [.init(typeName: ResourceKind.listener.rawValue, bytes: noise)]
        let server = VastServer(vast: response, good: Fixtures.mesh)
        let recorder = RecordingSink()
        try await server.serving { address in
            try await Self.following([Bootstrap.Server(uri: "\(address)")], recorder) { _ in
                while let event = await recorder.event(), !event.hasPrefix("rejected") {}
                #expect(await recorder.configuration() == Fixtures.mesh)
            }
        }
    }
}

/// A control plane that answers each first request for listeners with far too much, and then as it should.
private struct VastServer: Envoy_Service_Discovery_V3_AggregatedDiscoveryService.SimpleServiceProtocol {
    typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest
    typealias Response = Envoy_Service_Discovery_V3_DiscoveryResponse

    let vast: Response
    let good: MeshResources

    func serving(_ body: (EndpointAddress) async throws -> Void) async throws {
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [self]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try await server.listeningAddress?.ipv4?.port ?? 0
            try await body(EndpointAddress(host: "127.0.0.1", port: UInt16(port)))
            server.beginGracefulShutdown()
            while let result = await group.nextResult() { _ = result }
        }
    }

    func streamAggregatedResources(
        request: RPCAsyncSequence<Request, any Error>,
        response: RPCWriter<Response>,
        context: ServerContext
    ) async throws {
        var answered: Set<ResourceKind> = []
        for try await request in request {
            guard let kind = ResourceKind(typeURL: request.typeURL) else { continue }
            if kind == .listener, request.responseNonce.isEmpty {
                try await response.write(vast)
                continue
            }
            guard answered.insert(kind).inserted else { continue }
            try await response.write(
                .with {
                    $0.typeURL = kind.typeURL
                    $0.versionInfo = "good"
                    $0.nonce = "good"
                    $0.resources = Fixtures.packed(good, kind).values.map {
                        .init(typeName: $0.typeName, bytes: $0.bytes)
                    }
                }
            )
        }
    }

    func deltaAggregatedResources(
        request: RPCAsyncSequence<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest, any Error>,
        response: RPCWriter<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse>,
        context: ServerContext
    ) async throws {
        throw RPCError(code: .unimplemented, message: "only the state of the world is spoken here")
    }
}
