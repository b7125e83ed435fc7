// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

@Suite("Requests that name their endpoint")
struct OverrideHostTests {
    private static let header: HeaderName = "x-gateway-destination-endpoint"

    /// A cluster with endpoints on ports 1, 2 and 3.
    private func fixture(
        headers: [HeaderName] = [header],
        retries: Bool = false,
        subset: Bool = false,
        answer: @escaping @Sendable (Int) -> Int = { _ in 200 }
    ) throws -> MeshFixture {
        var cluster = Given.cluster("v1", ports: [])
        let endpoints = (1...3).map { port in
            ClusterEndpoint(
                Given.address(UInt16(port)),
                labels: ["version": .text(port == 3 ? "b" : "a")]
            )
        }
        let group = LocalityEndpoints(endpoints: endpoints)
        cluster.discovery = .fixed(EndpointAssignment(name: "v1", localities: [group]))
        cluster.overrideHostHeaders = headers
        if subset { cluster.subsets = SubsetBalancing(selectors: [.init(keys: ["version"])], fallback: .anyEndpoint) }
        var action = Given.forward(to: "v1", retry: retries ? Given.retry() : nil)
        if subset, case .forward(var forward) = action {
            forward.endpointLabels = ["version": .text("a")]
            action = .forward(forward)
        }
        let route = Route(match: RouteMatch(path: PathMatcher(.prefix("/"))), action: action)
        return try MeshFixture(Given.reviews([route], [cluster])) { _, number in .status(answer(number)) }
    }

    private func send(_ fixture: MeshFixture, _ value: String?, times: Int = 9) async -> [UInt16: Int] {
        for _ in 0..<times {
            await fixture.send(InMemoryRequest(headers: value.map { [(Self.header, $0)] } ?? []))
        }
        #expect(fixture.isAtRest)
        return fixture.attemptsByPort
    }

    @Test func `go to it, and others where the policy says`() async throws {
        #expect(await send(try fixture(), "10.0.0.1:2") == [2: 9])
        #expect(await send(try fixture(), " 10.0.0.1:3 , 10.0.0.1:1") == [3: 9])
        #expect(await send(try fixture(), nil) == [1: 3, 2: 3, 3: 3])
        #expect(await send(try fixture(headers: []), "10.0.0.1:2") == [1: 3, 2: 3, 3: 3])
    }

    @Test(arguments: ["10.0.0.9:2", "10.0.0.1", "10.0.0.1:0", "", ",,", "nowhere", "169.254.169.254:80"])
    func `never reach an address that the cluster does not have`(value: String) async throws {
        #expect(await send(try fixture(), value) == [1: 3, 2: 3, 3: 3])
    }

    @Test func `pass over names that no endpoint has`() async throws {
        #expect(await send(try fixture(), "10.0.0.9:2,nowhere,10.0.0.1:3") == [3: 9])
    }

    @Test func `name no more endpoints than are looked at`() async throws {
        let many = Array(repeating: "10.0.0.9:9", count: 16).joined(separator: ",")
        #expect(await send(try fixture(), many + ",10.0.0.1:3") == [1: 3, 2: 3, 3: 3])
        #expect(await send(try fixture(), String(many.dropFirst(11)) + ",10.0.0.1:3") == [3: 9])
    }

    @Test func `are heard by the fields in their order`() async throws {
        let fixture = try fixture(headers: ["x-first", Self.header])
        await fixture.send(InMemoryRequest(headers: [(Self.header, "10.0.0.1:3"), ("x-first", "10.0.0.1:2")]))
        #expect(fixture.attemptsByPort == [2: 1])
    }

    @Test func `go elsewhere while it may not be used`() async throws {
        let fixture = try fixture()
        let state = try #require(fixture.cluster("v1")?.endpoints.first { $0.endpoint.address.port == 2 })
        state.ejectedUntil.store(.max, ordering: .relaxed)
        #expect(await send(fixture, "10.0.0.1:2")[2] == nil)
        let other = try self.fixture()
        let ejected = try #require(other.cluster("v1")?.endpoints.first { $0.endpoint.address.port == 2 })
        ejected.ejectedUntil.store(.max, ordering: .relaxed)
        #expect(await send(other, "10.0.0.1:2,10.0.0.1:3") == [3: 9])
    }

    @Test func `are tried again at the next that they name, and then where the policy says`() async throws {
        let fixture = try fixture(retries: true) { $0 == 0 ? 503 : 200 }
        await fixture.send(InMemoryRequest(headers: [(Self.header, "10.0.0.1:3,10.0.0.1:2")]))
        #expect(fixture.network.sent.map { $0.endpoint?.port } == [3, 2])
        let single = try self.fixture(retries: true) { $0 == 0 ? 503 : 200 }
        await single.send(InMemoryRequest(headers: [(Self.header, "10.0.0.1:3")]))
        let ports = single.network.sent.map { $0.endpoint?.port }
        #expect(ports.count == 2 && ports.first == 3 && ports.last != 3)
    }

    @Test func `stay among the endpoints that the route means`() async throws {
        let fixture = try fixture(subset: true)
        #expect(await send(fixture, "10.0.0.1:2", times: 4) == [2: 4])
        #expect(await send(fixture, "10.0.0.1:3", times: 4)[3] == nil)
    }

    @Test func `are told of in the cluster's structure, and its bounds are kept`() throws {
        let runtime = try #require(try fixture().cluster("v1"))
        #expect(
            runtime.structureSummary == [
                "goes to the endpoint that the request names in x-gateway-destination-endpoint, if it may be used"
            ]
        )
        for headers in [Array(repeating: Self.header, count: 17), ["no name"]] as [[HeaderName]] {
            let cluster = Cluster(name: "c", overrideHostHeaders: headers)
            #expect(throws: ConfigurationError.self) { try cluster.validate() }
        }
    }
}
