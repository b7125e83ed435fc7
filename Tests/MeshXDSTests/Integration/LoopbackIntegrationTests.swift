// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import MeshTesting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Client and server over loopback", .timeLimit(.minutes(5)))
struct LoopbackIntegrationTests {
    /// Runs `body` beside a server on a port of the system's choice.
    private func withServer(
        _ provider: some XDSResourceProvider,
        signer: (any CertificateSigner)? = nil,
        port: UInt16 = 0,
        _ body: (EndpointAddress) async throws -> Void
    ) async throws {
        let server = XDSServer(
            address: EndpointAddress(host: "127.0.0.1", port: port),
            provider: provider,
            signer: signer
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await body(try await server.listeningAddress)
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    /// Runs `body` beside a client.
    private func withClient(
        _ address: EndpointAddress,
        _ recorder: RecordingSink,
        inbound: [EndpointAddress] = [],
        _ body: (XDSConfigSource) async throws -> Void
    ) async throws {
        let source = XDSConfigSource(
            bootstrap: Bootstrap(server: address, node: .init(id: "test~1", metadata: ["NAMESPACE": "default"])),
            inboundAddresses: inbound,
            backoff: ReconnectBackoff(base: .milliseconds(5), maximum: .milliseconds(50))
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await source.run(delivering: recorder.sink) }
            try await body(source)
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    @Test("a configuration arrives whole, changes arrive, and the server hears of each")
    func configurations() async throws {
        let provider = ScriptedProvider(Fixtures.mesh)
        let recorder = RecordingSink()
        try await withServer(provider) { address in
            try await withClient(address, recorder) { source in
                #expect(await recorder.configuration() == Fixtures.mesh)
                #expect(source.status.count == 4)
                #expect(source.status.allSatisfy { $0.state == .acknowledged })
                var changed = Fixtures.mesh
                changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
                provider.set(changed, version: "2")
                #expect(await recorder.configuration() == changed)
                for await case .acknowledged(_, .endpointAssignment, version: "2") in provider.events { break }
            }
        }
    }

    @Test("A78: the control plane's connection, what it sends, and how many resources there are is told")
    func census() async throws {
        let recorder = RecordingSink()
        var events: [ControlPlaneEvent] = []
        var counts: [ResourceCount] = []
        try await withServer(ScriptedProvider(Fixtures.mesh)) { address in
            try await withClient(address, recorder) { _ in
                for await event in recorder.censuses {
                    switch event {
                    case .controlPlane(let name, let event):
                        #expect(name == "\(address)")
                        events.append(event)
                    case .resourcesCounted(_, let latest): counts = latest
                    default: break
                    }
                    let inUse = counts.filter { $0.state == .acked }.map(\.count)
                    if events.count >= 5, inUse == [1, 1, 1, 1] { break }
                }
            }
        }
        #expect(events.first == .connected)
        let kinds: [ResourceKind] = [.listener, .routeConfiguration, .cluster, .endpointAssignment]
        #expect(Set(events.dropFirst()) == Set(kinds.map { .received(type: $0.rawValue, valid: 1, invalid: 0) }))
        #expect(counts.allSatisfy { $0.state == .acked || $0.count == 0 })
        // What comes behind the end of the client.
        var last: [ControlPlaneEvent] = []
        for await event in recorder.censuses {
            if case .controlPlane(_, let event) = event { last.append(event) }
            guard case .resourcesCounted(_, let latest) = event else { continue }
            counts = latest
            if latest.allSatisfy({ $0.count == 0 }) { break }
        }
        #expect(last == [.released])
        #expect(counts.count == 4)
    }

    @Test("the first event is the client's node, in our own dialect")
    func node() async throws {
        let provider = ScriptedProvider(Fixtures.mesh)
        try await withServer(provider) { address in
            try await withClient(address, RecordingSink(), inbound: [EndpointAddress(host: "10.0.0.7", port: 80)]) {
                _ in
                for await case .connected(_, let node) in provider.events {
                    #expect(node.id == "test~1")
                    #expect(node.namespace == "default")
                    #expect(Dialect(userAgentName: node.userAgentName) == .own)
                    break
                }
            }
        }
    }

    @Test("a route to a cluster that does not exist does not hold up the rest")
    func danglingCluster() async throws {
        var mesh = Fixtures.mesh
        mesh.clusters = [:]
        mesh.endpointAssignments = [:]
        let provider = ScriptedProvider(mesh)
        let recorder = RecordingSink()
        // No clock is advanced and no timer runs out: the server says so itself.
        try await withServer(provider) { address in
            try await withClient(address, recorder) { _ in
                #expect(await recorder.configuration() == mesh)
            }
        }
    }

    @Test("a client outlives its control plane and follows the next one")
    func restart() async throws {
        let recorder = RecordingSink()
        let first = ScriptedProvider(Fixtures.mesh)
        var changed = Fixtures.mesh
        changed.clusters["c"]?.connectTimeout = .seconds(2)
        let second = ScriptedProvider(changed, version: "2")
        let server = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: first)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let address = try await server.listeningAddress
            try await withClient(address, recorder) { source in
                #expect(await recorder.event() == "connected")
                #expect(await recorder.configuration() == Fixtures.mesh)
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
                #expect(await recorder.event() == "lost")
                // What was in force is still known.
                #expect(source.status.filter { $0.state == .acknowledged }.count == 4)
                try await withServer(second, port: try #require(address.port)) { _ in
                    #expect(await recorder.configuration() == changed)
                }
            }
        }
    }

    @Test("responses above gRPC's usual bound of 4 MiB arrive")
    func largeResponse() async throws {
        var mesh = Fixtures.mesh
        mesh.endpointAssignments["c"] = EndpointAssignment(
            name: "c",
            addresses: (0..<150_000).map {
                EndpointAddress(host: "10.\($0 / 65_536).\($0 / 256 % 256).\($0 % 256)", port: 80)
            }
        )
        let bytes = try #require(Fixtures.packed(mesh, .endpointAssignment)["c"]).bytes.count
        #expect(bytes > 4 * 1024 * 1024)
        let recorder = RecordingSink()
        try await withServer(ScriptedProvider(mesh)) { address in
            try await withClient(address, recorder) { _ in
                #expect(await recorder.configuration() == mesh)
            }
        }
    }

    @Test("an incremental client gets what it asks for, and after a change what changed")
    func delta() async throws {
        let cache = SnapshotCache { _ in "all" }
        try cache.publish(Fixtures.mesh, to: "all")
        try await withServer(cache) { address in
            try await withGRPCClient(
                transport: .http2NIOPosix(target: address.resolvableTarget, transportSecurity: .plaintext)
            ) { client in
                let ads = Envoy_Service_Discovery_V3_AggregatedDiscoveryService.Client(wrapping: client)
                let (requests, sink) = AsyncStream.makeStream(of: Envoy_Service_Discovery_V3_DeltaDiscoveryRequest.self)
                var first = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest()
                first.node.id = "delta"
                first.typeURL = ResourceKind.endpointAssignment.typeURL
                first.resourceNamesSubscribe = ["c", "unheard of"]
                sink.yield(first)
                try await ads.deltaAggregatedResources(
                    request: StreamingClientRequest { for await request in requests { try await $0.write(request) } }
                ) { response in
                    var messages = response.messages.makeAsyncIterator()
                    let before = try #require(try await messages.next())
                    #expect(before.resources.map(\.name) == ["c"])
                    #expect(before.removedResources == ["unheard of"])
                    var answer = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest()
                    answer.typeURL = before.typeURL
                    answer.responseNonce = before.nonce
                    sink.yield(answer)
                    var changed = Fixtures.mesh
                    changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
                    try cache.publish(changed, to: "all")
                    let after = try #require(try await messages.next())
                    #expect(after.resources.map(\.name) == ["c"] && after.removedResources == [])
                    #expect(after.resources.first?.version != before.resources.first?.version)
                    sink.finish()
                }
            }
        }
    }

    @Test("a client of another make gets its own dialect, under the name that it asks for")
    func grpcClient() async throws {
        var mesh = Fixtures.mesh
        mesh.clusters["c"]?.upstreamSecurity = .mutualTLS(acceptedIdentities: [])
        var request = Envoy_Service_Discovery_V3_DiscoveryRequest()
        request.node.id = "python"
        request.node.userAgentName = "gRPC C-core linux"
        request.typeURL = ResourceKind.cluster.typeURL
        request.resourceNames = ["c"]
        let sent = request
        try await withServer(ScriptedProvider(mesh)) { address in
            let response = try await self.firstResponse(address, [sent])
            let cluster = try Envoy_Config_Cluster_V3_Cluster(
                serializedBytes: try #require(response.resources.first).value
            )
            #expect(cluster.name == "c" && !cluster.hasTransportSocket)
            #expect(response.resourceErrors == [])
        }
    }

    @Test("a stream without a node is refused")
    func noNode() async throws {
        try await withServer(ScriptedProvider(Fixtures.mesh)) { address in
            var request = Envoy_Service_Discovery_V3_DiscoveryRequest()
            request.typeURL = ResourceKind.cluster.typeURL
            let sent = request
            let error = await #expect(throws: RPCError.self) { try await self.firstResponse(address, [sent]) }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test("a client that has said all that it will say still gets its answer")
    func halfClosed() async throws {
        try await withServer(ScriptedProvider(Fixtures.mesh)) { address in
            var request = Envoy_Service_Discovery_V3_DiscoveryRequest()
            request.node.id = "n"
            request.typeURL = ResourceKind.listener.typeURL
            let response = try await self.firstResponse(address, [request])
            #expect(response.resources.count == 1)
        }
    }

    @Test("the certificate service signs, and says why it does not")
    func certificates() async throws {
        struct Signer: CertificateSigner {
            func sign(csrPEM: String, for caller: SigningCaller, validity: Nanoseconds) async throws -> [String] {
                switch caller.bearerToken {
                case "": throw CertificateRefusal(.unauthenticated, "no token")
                case "thief": throw CertificateRefusal(.forbidden, "not yours")
                case "friend" where csrPEM.isEmpty: throw CertificateRefusal(.badRequest, "no request")
                default: return [csrPEM, "\(validity.seconds)", "root"]
                }
            }
        }
        try await withServer(ScriptedProvider(Fixtures.mesh), signer: Signer()) { address in
            let client = CertificateServiceClient(address: address)
            let chain = try await client.create(csrPEM: "leaf", token: "friend", validity: .seconds(60))
            #expect(chain == ["leaf", "60.0", "root"])
            for (token, csr, code) in [
                ("", "leaf", RPCError.Code.unauthenticated), ("thief", "leaf", .permissionDenied),
                ("friend", "", .invalidArgument),
            ] {
                let error = await #expect(throws: RPCError.self) {
                    try await client.create(csrPEM: csr, token: token, validity: .zero)
                }
                #expect(error?.code == code)
            }
        }
    }

    /// Opens a stream, sends requests, half-closes, and returns the first response.
    @discardableResult
    private func firstResponse(
        _ address: EndpointAddress,
        _ requests: [Envoy_Service_Discovery_V3_DiscoveryRequest]
    ) async throws -> Envoy_Service_Discovery_V3_DiscoveryResponse {
        try await withGRPCClient(
            transport: .http2NIOPosix(target: address.resolvableTarget, transportSecurity: .plaintext)
        ) { client in
            try await Envoy_Service_Discovery_V3_AggregatedDiscoveryService.Client(wrapping: client)
                .streamAggregatedResources(
                    request: StreamingClientRequest { for request in requests { try await $0.write(request) } }
                ) { response in
                    for try await message in response.messages { return message }
                    throw RPCError(code: .unknown, message: "no response")
                }
        }
    }
}
