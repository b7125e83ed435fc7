// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import HTTPTypes
import MeshBalancing
import MeshConfig
import MeshCore
import MeshGRPC
import MeshHTTP
import MeshResilience
import MeshRouting
import MeshSecurity
import MeshTesting
import ServiceMesh
import Synchronization
import Testing

/// What the mesh does to RPCs on their way to a handler.
@Suite(.timeLimit(.minutes(5))) struct ServerMeshIntegrationTests {
    private static let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private let observer = RecordingObserver()

    private func mesh(_ listener: Listener? = nil) throws -> Mesh {
        let mesh = try Mesh(MeshConfiguration(observers: [observer]))
        if let listener { try mesh.apply(MeshResources(listeners: [listener])) }
        return mesh
    }

    private static func listener(
        filters: [HTTPFilter] = [],
        routes: [Route]? = nil
    ) -> Listener {
        let hosts = routes.map { [VirtualHost(name: "all", domains: [.any], routes: $0)] } ?? []
        return Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: filters,
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: hosts))
        )
    }

    private func stack(_ listener: Listener?, _ configuration: InboundConfiguration = .init()) throws -> InboundStack {
        InboundStack(mesh: try mesh(listener), address: Self.address, configuration: configuration)
    }

    @Test("A41: what authorization denies is PERMISSION_DENIED, in a head alone")
    func denied() async throws {
        let nobody = AuthorizationRules(action: .allow, policies: [])
        let stack = try stack(Self.listener(filters: [.authorization(nobody)]))
        try await withRPCServer([EchoService.echo], stack: stack) { _, address in
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(answer.status == 200)
            #expect(answer.isTrailersOnly)
            #expect(answer.rpcStatus == "7")
            // A head that did not end its stream would be no status to a client of gRPC's.
            try await withPlainRPCClient(to: address) { client in
                let error = await #expect(throws: RPCError.self) {
                    try await client.unary(
                        request: ClientRequest(message: "a"),
                        descriptor: EchoService.method(.unary),
                        serializer: TextCoder(),
                        deserializer: TextCoder(),
                        options: .defaults
                    ) { try $0.message }
                }
                #expect(error?.code == .permissionDenied)
            }
        }
        #expect(observer.requests.map(\.rpcStatus) == [7, 7])
    }

    @Test("A41: methods are paths to authorization")
    func allowed() async throws {
        let unary = AuthorizationPolicy(
            name: "unary",
            permissions: [.path(StringMatcher(.exact("/test.Echo/Unary")))],
            principals: [.any]
        )
        let rules = AuthorizationRules(action: .allow, policies: [unary])
        let stack = try stack(Self.listener(filters: [.authorization(rules)]))
        try await withRPCServer([EchoService.echo], stack: stack) { _, address in
            let unary = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(unary.rpcStatus == "0")
            let other = try await RawCall(path: "/test.Echo/Other").send(to: address)
            #expect(other.rpcStatus == "7")
        }
    }

    @Test("A39: a route's own filter configuration goes before its listener's")
    func overridden() async throws {
        let nobody = AuthorizationRules(action: .allow, policies: [])
        let open = Route(
            name: "open",
            match: RouteMatch(path: PathMatcher(.exact("/test.Echo/Unary"))),
            action: .nonForwarding,
            filters: FilterOverrides(authorization: ["": .disabled])
        )
        let shut = Route(name: "shut", match: RouteMatch(path: PathMatcher(.prefix("/"))), action: .nonForwarding)
        let stack = try stack(Self.listener(filters: [.authorization(nobody)], routes: [open, shut]))
        try await withRPCServer([EchoService.echo], stack: stack) { _, address in
            let unary = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(unary.rpcStatus == "0")
            let stream = try await RawCall(path: "/test.Echo/ServerStreaming").send(to: address)
            #expect(stream.rpcStatus == "7")
        }
    }

    @Test("A36: a call that no route takes is UNAVAILABLE")
    func unrouted() async throws {
        let route = Route(name: "other", match: RouteMatch(path: PathMatcher(.exact("/other"))), action: .nonForwarding)
        let stack = try stack(Self.listener(routes: [route]))
        try await withRPCServer([EchoService.echo], stack: stack) { _, address in
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(answer.rpcStatus == "14")
            #expect(answer.isTrailersOnly)
        }
    }

    @Test("A33: an injected abort has its gRPC status")
    func aborted() async throws {
        var fault = FaultConfiguration()
        fault.abort = FaultConfiguration.Abort(grpcStatus: 10, percentage: .all)
        let stack = try stack(Self.listener(filters: [.fault(fault)]))
        try await withRPCServer([EchoService.echo], stack: stack) { _, address in
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(answer.rpcStatus == "10")
        }
    }

    @Test func `a server with too much under way says UNAVAILABLE`() async throws {
        let (begun, sink) = AsyncStream<Void>.makeStream()
        let (release, gate) = AsyncStream<Void>.makeStream()
        let waiting = EchoService { _, _ in
            sink.yield()
            for await _ in release {}
            return StreamingServerResponse { _ in [:] }
        }
        let stack = try stack(nil, InboundConfiguration(maximumConcurrentRequests: 1))
        try await withRPCServer([waiting], stack: stack) { _, address in
            async let first = RawCall(body: RawCall.message("a")).send(to: address)
            var starts = begun.makeAsyncIterator()
            await starts.next()
            let second = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(second.rpcStatus == "14")
            gate.finish()
            #expect(try await first.rpcStatus == "0")
        }
    }

    @Test func `records have gRPC's status, and handlers the caller's trace and deadline`() async throws {
        let told = EchoService { _, _ in
            let inbound = InboundContext.current
            let text = "\(inbound?.trace.isValid == true) \(inbound?.deadline.isNever == false)"
            return StreamingServerResponse { writer in
                try await writer.write(text)
                return [:]
            }
        }
        let stack = try stack(Self.listener())
        try await withRPCServer([told], stack: stack) { _, address in
            var call = RawCall(body: RawCall.message("a"))
            call.fields[.grpcTimeout] = "100S"
            let answer = try await call.send(to: address)
            #expect(String(decoding: answer.body.dropFirst(5), as: UTF8.self) == "true true")
        }
        #expect(observer.requests.map(\.rpcStatus) == [0])
        #expect(observer.requests.map(\.path) == ["/test.Echo/Unary"])
    }

    @Test func `handlers learn whom the application takes the caller for`() async throws {
        let identity = "spiffe://cluster.local/ns/default/sa/web"
        let told = EchoService { _, context in
            let text = "\(context.mesh?.peerIdentity ?? "") \(InboundContext.current?.peerIdentity ?? "")"
            return StreamingServerResponse { writer in
                try await writer.write(text)
                return [:]
            }
        }
        try await withRPCServer([told], stack: try stack(Self.listener()), peerIdentity: { _ in identity }) {
            _,
            address in
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(String(decoding: answer.body.dropFirst(5), as: UTF8.self) == "\(identity) \(identity)")
        }
    }

    @Test("A36: connections are refused while there is no listener, and the mode is told")
    func servingModes() async throws {
        let mesh = try mesh()
        let stack = InboundStack(mesh: mesh, address: Self.address)
        let modes = Mutex<[ServingMode]>([])
        let configuration = MeshServerTransport.Configuration(requiresListener: true)
        try await withRPCServer(
            [EchoService.echo],
            configuration,
            stack: stack,
            servingModeChanged: { mode in modes.withLock { $0.append(mode) } }
        ) { transport, address in
            #expect(transport.servingMode != .serving)
            await #expect(throws: MeshError.self) { try await RawCall().send(to: address) }
            try mesh.apply(MeshResources(listeners: [Self.listener()]))
            #expect(transport.servingMode == .serving)
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            #expect(answer.rpcStatus == "0")
            try mesh.apply(MeshResources())
            #expect(transport.servingMode != .serving)
            await #expect(throws: MeshError.self) { try await RawCall().send(to: address) }
        }
        let told = modes.withLock { $0 }
        #expect(told.map { $0 == .serving } == [false, true, false])
        let events = observer.events.compactMap { event -> Bool? in
            if case .servingModeChanged(_, let reason) = event { reason == nil } else { nil }
        }
        #expect(events == [false, true, false])
    }

    @Test("A51: reports go out in trailers, a call's own numbers before the server's")
    func reports() async throws {
        let clock = ManualClock()
        let load = LoadRecorder(clock: clock)
        load.update { $0.cpuUtilization = 0.25 }
        load.update { $0.applicationUtilization = 0.5 }
        let costly = EchoService { _, _ in
            CallLoadRecorder.current?.update { $0.namedMetrics["cost"] = 3 }
            CallLoadRecorder.current?.update { $0.cpuUtilization = 0.75 }
            return StreamingServerResponse { _ in [:] }
        }
        try await withRPCServer([costly], load: load) { _, address in
            for _ in 0..<4 { _ = try await RawCall(body: RawCall.message("a")).send(to: address) }
            clock.advance(by: .seconds(2))
            let answer = try await RawCall(body: RawCall.message("a")).send(to: address)
            let name = try #require(HTTPField.Name("endpoint-load-metrics-bin"))
            let report = try LoadReport.read(binary: answer.trailers?[name], prefixed: nil)
            #expect(report?.cpuUtilization == 0.75)
            #expect(report?.applicationUtilization == 0.5)
            #expect(report?.namedMetrics == ["cost": 3])
            #expect(report?.requestsPerSecond == 2)
        }
    }
}
