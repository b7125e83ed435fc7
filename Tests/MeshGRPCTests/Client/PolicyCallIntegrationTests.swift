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
struct PolicyCallIntegrationTests {
    typealias Server = ScriptedRPCServer

    /// Runs so many servers that answer well.
    func servers<Result>(
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

    func match(_ header: HeaderName, _ value: String) -> RouteMatch {
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

    @Test("Calls are copied to where the route says")
    func copies() async throws {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        try await Server.serving { _ in
            arrive.yield()
            return .ok
        } while: { shadow, shadowAddress in
            try await servers(1) { servers in
                var route = Route.to("c")
                if case .forward(var forward) = route.action {
                    forward.mirrors = [RequestMirror(.cluster("copies"))]
                    route.action = .forward(forward)
                }
                let clusters: [Cluster] = [.fixed("c", [servers[0].address]), .fixed("copies", [shadowAddress])]
                try await withClient(.greeter(.greeter(routes: [route], clusters: clusters))) { client in
                    _ = try await client.echo()
                    for await _ in arrived { break }
                }
                #expect(servers[0].server.calls.count == 1)
                #expect(shadow.calls.map { $0[":path"] } == ["/mesh.Echo/Unary"])
                #expect(shadow.calls.map(\.bodyBytes) == [8])
            }
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
}
