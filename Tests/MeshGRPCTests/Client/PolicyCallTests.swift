// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshBalancing
import MeshConfig
import MeshCore
import MeshGRPC
import MeshResilience
import MeshRouting
import NIOHPACK
import ServiceMesh
import Testing

@Suite("Calls by what a control plane says", .timeLimit(.minutes(5)))
struct PolicyCallTests {
    private typealias Server = ScriptedRPCServer

    /// Runs so many servers that answer well.
    private func servers<Result>(
        _ count: Int,
        _ found: [(Server, EndpointAddress)] = [],
        _ body: ([(server: Server, address: EndpointAddress)]) async throws -> Result
    ) async throws -> Result {
        guard count > 0 else { return try await body(found.map { (server: $0.0, address: $0.1) }) }
        return try await Server.serving { _ in
            .ok
        } while: { server, address in
            try await servers(count - 1, found + [(server, address)], body)
        }
    }

    private func match(_ header: HeaderName, _ value: String) -> RouteMatch {
        RouteMatch(headers: [HeaderMatcher(header, .value(StringMatcher(.exact(value))))])
    }

    @Test(
        "A28: calls are routed by path and metadata; binary metadata and the method are not seen, the content type is"
    )
    func routing() async throws {
        try await servers(4) { servers in
            let clusters = servers.enumerated().map { Cluster.fixed("c\($0.offset)", [$0.element.address]) }
            let routes: [Route] = [
                .to("c0", RouteMatch(path: PathMatcher(.exact("/mesh.Echo/Chat")))),
                .to("c1", match("x-user", "ann")),
                .to("c0", match("some-bin", "AAH+")),
                .to("c0", match(":method", "POST")),
                .to("c2", match("content-type", "application/grpc")),
                .to("c3"),
            ]
            try await withClient(.greeter(.greeter(routes: routes, clusters: clusters))) { client in
                _ = try await client.echo()
                _ = try await client.echo(metadata: ["x-user": "ann"])
                var binary = Metadata()
                binary.addBinary([0, 1, 254], forKey: "some-bin")
                _ = try await client.echo(metadata: binary)
                try await client.chat {
                    try await $0.write([1])
                } reading: { response in
                    for try await _ in response.messages {}
                }
            }
            #expect(servers.map(\.server.calls.count) == [1, 1, 2, 0])
            #expect(servers[1].server.calls.first?[":authority"] == "greeter")
        }
    }

    @Test("A28: a call that no virtual host or route takes is unavailable")
    func noRoute() async throws {
        let routes: [Route] = [.to("c", RouteMatch(path: PathMatcher(.exact("/other"))))]
        let resources = MeshResources.greeter(routes: routes, clusters: [.fixed("c", [])])
        try await withClient(.greeter(resources)) { client in
            #expect(await client.failure()?.code == .unavailable)
        }
        let elsewhere = MeshResources.greeter(routes: [.to("c")], clusters: [], domains: [.exact("other")])
        try await withClient(.greeter(elsewhere)) { client in
            #expect(await client.failure()?.code == .unavailable)
        }
        let missing = MeshResources.greeter(routes: [.to("missing")], clusters: [])
        try await withClient(.greeter(missing)) { client in
            #expect(await client.failure()?.code == .unavailable)
        }
    }

    @Test("A27: calls go to the endpoints that the configuration tells, over HTTP/2 though no cluster says so")
    func endpoints() async throws {
        try await servers(3) { servers in
            let cluster = Cluster.fixed("c", servers.map(\.address))
            try await withClient(.greeter(.greeter(routes: [.to("c")], clusters: [cluster]))) { client in
                for _ in 0..<30 { _ = try await client.echo() }
            }
            #expect(servers.map(\.server.calls.count) == [10, 10, 10])
        }
    }

    @Test("An authority in place of the target's is what routes and servers see")
    func otherAuthority() async throws {
        try await servers(1) { servers in
            var configuration = MeshClientTransport.Configuration()
            configuration.authority = "Greeter.example"
            let cluster = Cluster.fixed("c", [servers[0].address])
            let resources = MeshResources.greeter(routes: [.to("c")], clusters: [cluster])
            try await withClient(.greeter(resources, configuration: configuration)) { client in
                _ = try await client.echo()
            }
            let transport = try MeshClientTransport.to([servers[0].address], configuration: configuration)
            try await withClient(transport) { client in
                _ = try await client.echo()
            }
            #expect(servers[0].server.calls.map { $0[":authority"] } == ["Greeter.example", "Greeter.example"])
        }
    }

    @Test("A33: faults abort calls with their status, and by what the calls ask for")
    func faults() async throws {
        try await servers(1) { servers in
            var aborted = Route.to("c", match("x-abort", "1"))
            aborted.fault = FaultConfiguration(abort: .init(grpcStatus: 7, percentage: .all))
            var byStatusOfHTTP = Route.to("c", match("x-abort", "http"))
            byStatusOfHTTP.fault = FaultConfiguration(abort: .init(status: 404, percentage: .all))
            var asked = Route.to("c")
            asked.fault = FaultConfiguration(abort: .init(byHeader: .all))
            let resources = MeshResources.greeter(
                routes: [aborted, byStatusOfHTTP, asked],
                clusters: [.fixed("c", [servers[0].address])]
            )
            try await withClient(.greeter(resources)) { client in
                #expect(await client.failure(metadata: ["x-abort": "1"])?.code == .permissionDenied)
                #expect(await client.failure(metadata: ["x-abort": "http"])?.code == .unimplemented)
                #expect(
                    await client.failure(metadata: ["x-envoy-fault-abort-grpc-request": "9"])?.code
                        == .failedPrecondition
                )
                #expect(await client.failure(metadata: ["x-envoy-fault-abort-request": "503"])?.code == .unavailable)
                #expect(await client.failure() == nil)
            }
            #expect(servers[0].server.calls.count == 1)
        }
    }

    @Test(
        "A31: where the route says nothing, the listener's longest stream bounds a call, and the call's own deadline does"
    )
    func streamDuration() async throws {
        try await servers(1) { servers in
            var resources = MeshResources.greeter(
                routes: [.to("c")],
                clusters: [.fixed("c", [servers[0].address])]
            )
            resources.listeners["greeter"]?.maximumStreamDuration = .seconds(20)
            try await withClient(.greeter(resources)) { client in
                _ = try await client.echo()
                var options = CallOptions.defaults
                options.timeout = .seconds(5)
                _ = try await client.echo(options: options)
                options.timeout = .seconds(100)
                _ = try await client.echo(options: options)
            }
            let timeouts = servers[0].server.calls.map { call in
                call["grpc-timeout"].flatMap { TimeoutHeaders.grpcTimeout($0) }.map { Int($0.rawValue / 1_000_000_000) }
            }
            #expect(timeouts.map { $0.map { ($0 + 9) / 10 * 10 } } == [20, 10, 20])
        }
    }

    @Test("A6: a call that is slow is hedged, and the first answer counts")
    func hedging() async throws {
        try await Server.serving { _ in
            .silence
        } while: { slow, slowAddress in
            try await Server.serving { _ in
                .ok
            } while: { fast, fastAddress in
                var route = Route.to("c")
                route.policies.hedging = .gRPC(
                    maximumAttempts: 2,
                    hedgingDelay: .milliseconds(10),
                    nonFatalStatusCodes: [14]
                )
                let cluster = Cluster.fixed("c", [slowAddress, fastAddress])
                let configuration = MeshConfiguration(retryBudget: nil as RetryBudgetChoice?, isDisabled: false)
                let resources = MeshResources.greeter(routes: [route], clusters: [cluster])
                try await withClient(.greeter(resources, meshConfiguration: configuration)) { client in
                    for _ in 0..<10 { #expect(await client.failure() == nil) }
                }
                #expect(fast.calls.count == 10)
                #expect(slow.calls.count > 0)
            }
        }
    }

    @Test("A32: calls beyond the cluster's limit are unavailable, and not tried again")
    func limit() async throws {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        try await Server.serving { _ in
            arrive.yield()
            return .silence
        } while: { server, address in
            var cluster = Cluster.fixed("c", [address])
            cluster.concurrencyLimit = ConcurrencyLimitConfiguration(maximumRequests: 1)
            var route = Route.to("c")
            if case .forward(var forward) = route.action {
                forward.retry = .grpc(
                    maximumAttempts: 3,
                    initialBackoff: .milliseconds(1),
                    maximumBackoff: .milliseconds(1),
                    backoffMultiplier: 1,
                    conditions: .grpcUnavailable
                )
                route.action = .forward(forward)
            }
            try await withClient(.greeter(.greeter(routes: [route], clusters: [cluster]))) { client in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { _ = await client.failure() }
                    for await _ in arrived { break }
                    let error = await client.failure()
                    #expect(error?.code == .unavailable)
                    #expect(error?.message.contains("limit") == true)
                    group.cancelAll()
                }
            }
            #expect(server.calls.count == 1)
        }
    }

    @Test("A42: a ring's calls stay with an endpoint, by metadata or by the channel")
    func ringHash() async throws {
        try await servers(3) { servers in
            let cluster = Cluster.fixed("c", servers.map(\.address), loadBalancing: .init(RingHash()))
            var byHeader = Route.to("c", RouteMatch(path: PathMatcher(.exact("/mesh.Echo/Unary"))))
            if case .forward(var forward) = byHeader.action {
                forward.hashPolicies = [
                    HashPolicy(.header("x-user", rewrite: nil), isTerminal: true), HashPolicy(.channel),
                ]
                byHeader.action = .forward(forward)
            }
            try await withClient(.greeter(.greeter(routes: [byHeader], clusters: [cluster]))) { client in
                for _ in 0..<10 { _ = try await client.echo(metadata: ["x-user": "ann"]) }
                #expect(servers.map(\.server.calls.count).sorted() == [0, 0, 10])
                for _ in 0..<10 { _ = try await client.echo() }
                #expect(servers.map(\.server.calls.count).allSatisfy { $0 % 10 == 0 })
                for user in 0..<60 { _ = try await client.echo(metadata: ["x-user": "user\(user)"]) }
                #expect(servers.map(\.server.calls.count).allSatisfy { $0 > 0 })
            }
        }
    }

    @Test("A48, A62, A52: each policy that a cluster names spreads calls in its way")
    func policies() async throws {
        try await servers(3) { servers in
            let addresses = servers.map(\.address)
            func counts(_ policy: some LoadBalancingPolicy) async throws -> [Int] {
                let before = servers.map(\.server.calls.count)
                let cluster = Cluster.fixed("c", addresses, loadBalancing: .init(policy))
                try await withClient(.greeter(.greeter(routes: [.to("c")], clusters: [cluster]))) { client in
                    for _ in 0..<30 { _ = try await client.echo() }
                }
                return zip(servers.map(\.server.calls.count), before).map { $0 - $1 }
            }
            let pickFirst = try await counts(PickFirst())
            #expect(pickFirst == [30, 0, 0])
            let leastRequest = try await counts(LeastRequest())
            #expect(leastRequest.allSatisfy { $0 > 0 } && leastRequest.reduce(0, +) == 30)
            let roundRobin = try await counts(RoundRobin())
            #expect(roundRobin == [10, 10, 10])
        }
    }

    @Test("A62: the next address is taken where the first cannot be reached")
    func pickFirstFailover() async throws {
        let closed = try await Server.closedPort()
        try await servers(1) { servers in
            let cluster = Cluster.fixed("c", [closed, servers[0].address], loadBalancing: .init(PickFirst()))
            try await withClient(.greeter(.greeter(routes: [.to("c")], clusters: [cluster]))) { client in
                for _ in 0..<5 { #expect(await client.failure() == nil) }
            }
            #expect(servers[0].server.calls.count == 5)
        }
    }

    @Test("A56: the next priority is taken where none of the first can be reached")
    func priorities() async throws {
        let closed = [try await Server.closedPort(), try await Server.closedPort()]
        try await servers(1) { servers in
            var cluster = Cluster(
                name: "c",
                discovery: .fixed(
                    EndpointAssignment(
                        name: "c",
                        localities: [
                            LocalityEndpoints(endpoints: closed.map { ClusterEndpoint($0) }),
                            LocalityEndpoints(priority: 1, endpoints: [ClusterEndpoint(servers[0].address)]),
                        ]
                    )
                )
            )
            cluster.priorities = .grpc
            try await withClient(.greeter(.greeter(routes: [.to("c")], clusters: [cluster]))) { client in
                for _ in 0..<5 { #expect(await client.failure() == nil) }
            }
            #expect(servers[0].server.calls.count == 5)
        }
    }

    @Test("A37: the next cluster is taken where the first cannot be reached")
    func aggregate() async throws {
        let closed = try await Server.closedPort()
        try await servers(1) { servers in
            let clusters = [
                Cluster(name: "all", discovery: .aggregate(["first", "second"])), .fixed("first", [closed]),
                .fixed("second", [servers[0].address]),
            ]
            try await withClient(.greeter(.greeter(routes: [.to("all")], clusters: clusters))) { client in
                for _ in 0..<5 { #expect(await client.failure() == nil) }
            }
            #expect(servers[0].server.calls.count == 5)
        }
    }

    @Test("A81: a route may rewrite the authority to the endpoint's name")
    func authority() async throws {
        try await servers(1) { servers in
            let endpoint = ClusterEndpoint(servers[0].address, hostname: "one.example")
            let cluster = Cluster(
                name: "c",
                discovery: .fixed(
                    EndpointAssignment(name: "c", localities: [LocalityEndpoints(endpoints: [endpoint])])
                )
            )
            var route = Route.to("c")
            if case .forward(var forward) = route.action {
                forward.hostRewrite = .endpoint
                route.action = .forward(forward)
            }
            try await withClient(.greeter(.greeter(routes: [route], clusters: [cluster]))) { client in
                _ = try await client.echo()
            }
            #expect(servers[0].server.calls.map { $0[":authority"] } == ["one.example"])
        }
    }

    @Test("A55: a session's calls stay with their endpoint")
    func sessions() async throws {
        try await servers(3) { servers in
            let filter = StatefulSessionFilter(.header("x-session"))
            let cluster = Cluster.fixed("c", servers.map(\.address))
            let resources = MeshResources.greeter(
                routes: [.to("c")],
                clusters: [cluster],
                filters: [.statefulSession(filter)]
            )
            try await withClient(.greeter(resources)) { client in
                let session = try await client.unary(
                    request: ClientRequest(message: [UInt8]()),
                    descriptor: EchoMethod.unary,
                    serializer: RawSerializer(),
                    deserializer: RawSerializer(),
                    options: .defaults
                ) { $0.metadata[stringValues: "x-session"].first { _ in true } }
                let known = try #require(session)
                for _ in 0..<10 { _ = try await client.echo(metadata: ["x-session": "\(known)"]) }
            }
            #expect(servers.map(\.server.calls.count).sorted() == [0, 0, 11])
        }
    }

    @Test("A51, A58: what endpoints report of their load in trailers weighs them")
    func loadReports() async throws {
        /// Fields 1 and 6 of a report, each of 64 bits.
        func report(cpu: Double, requests: Double) -> String {
            func bytes(_ value: Double) -> [UInt8] {
                (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
            }
            return Base64.encoded([0x09] + bytes(cpu) + [0x31] + bytes(requests))
        }
        func answer(_ cpu: Double) -> Server.Answer {
            .message([1], status: 0, trailers: [("endpoint-load-metrics-bin", report(cpu: cpu, requests: 100))])
        }
        let (busyAnswer, idleAnswer) = (answer(0.9), answer(0.1))
        try await Server.serving { _ in
            busyAnswer
        } while: { busy, busyAddress in
            try await Server.serving { _ in
                idleAnswer
            } while: { idle, idleAddress in
                let policy = ClientSideWeightedRoundRobin(blackoutPeriod: .zero, weightUpdatePeriod: .milliseconds(100))
                let cluster = Cluster.fixed("c", [busyAddress, idleAddress], loadBalancing: .init(policy))
                try await withClient(.greeter(.greeter(routes: [.to("c")], clusters: [cluster]))) { client in
                    // Weights are computed anew after some time, which has to pass on this clock.
                    let clock = SystemClock()
                    let end = clock.now.advanced(by: .seconds(2))
                    while clock.now < end { _ = try await client.echo() }
                }
                #expect(idle.calls.count > busy.calls.count * 3)
            }
        }
    }

    @Test("are held until there is a configuration, and wait for an endpoint if they are told to")
    func waitsForReady() async throws {
        try await servers(1) { servers in
            let source = LateSource()
            let transport = try MeshClientTransport(
                target: MeshTarget("xds:///greeter"),
                sources: [source],
                meshConfiguration: MeshConfiguration(isDisabled: false)
            )
            try await withClient(transport) { client in
                async let held = client.failure()
                source.deliver(.greeter(routes: [.to("c")], clusters: [.fixed("c", [])]))
                // There is a configuration, and nobody in it.
                #expect(await held?.code == .unavailable)
                async let waiting = client.echo(options: .waiting)
                source.deliver(.greeter(routes: [.to("c")], clusters: [.fixed("c", [servers[0].address])]))
                let answer = try await waiting
                #expect(answer == [42])
                var options = CallOptions.waiting
                options.timeout = .milliseconds(200)
                source.deliver(.greeter(routes: [.to("c")], clusters: [.fixed("c", [])]))
                // What is in force now is told by nobody; calls find out.
                while await client.failure() == nil {}
                #expect(await client.failure(options: options)?.code == .deadlineExceeded)
            }
        }
    }

    @Test("A74: a call is decided by one configuration, whatever comes meanwhile")
    func oneConfiguration() async throws {
        try await servers(2) { servers in
            let source = LateSource()
            let transport = try MeshClientTransport(
                target: MeshTarget("xds:///greeter"),
                sources: [source],
                meshConfiguration: MeshConfiguration(isDisabled: false)
            )
            source.deliver(.greeter(routes: [.to("a")], clusters: [.fixed("a", [servers[0].address])]))
            try await withClient(transport) { client in
                for step in 0..<50 {
                    #expect(await client.failure() == nil)
                    let name = step.isMultiple(of: 2) ? "b" : "a"
                    let address = servers[step.isMultiple(of: 2) ? 1 : 0].address
                    source.deliver(.greeter(routes: [.to(name)], clusters: [.fixed(name, [address])]))
                }
            }
            #expect(servers.map(\.server.calls.count).reduce(0, +) == 50)
        }
    }
}

extension CallOptions {
    fileprivate static var waiting: CallOptions {
        var options = CallOptions.defaults
        options.waitForReady = true
        return options
    }
}

/// A source that delivers when a test says so.
final class LateSource: ConfigSource {
    let name = "late"
    private let resources: AsyncStream<MeshResources>
    private let deliveries: AsyncStream<MeshResources>.Continuation

    init() {
        (resources, deliveries) = AsyncStream.makeStream(of: MeshResources.self)
    }

    func deliver(_ resources: MeshResources) {
        deliveries.yield(resources)
    }

    func run(delivering sink: ConfigSink) async throws {
        for await resources in resources { try sink.apply(resources) }
        try Task.checkCancellation()
    }
}
