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

extension PolicyCallIntegrationTests {
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
                    // Weights are computed anew after some time, which has to pass on this clock. Until then calls take
                    // turns; if they always did, the suite's time would end this.
                    while idle.calls.count <= 20 + busy.calls.count * 3 { _ = try await client.echo() }
                }
            }
        }
    }
}
