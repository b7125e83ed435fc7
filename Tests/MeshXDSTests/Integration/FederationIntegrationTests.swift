// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh
import Testing

@testable import MeshXDS

/// Two control planes, one for the authority `a` and the top of the bootstrap, the other for `b`; real requests.
@Suite("Two control planes over loopback (gRFC A47)", .timeLimit(.minutes(5)))
struct FederationIntegrationTests {
    private typealias World = FederatedWorld

    private static func cache(_ resources: MeshResources) throws -> SnapshotCache {
        let cache = SnapshotCache { _ in "all" }
        try cache.publish(resources, to: "all")
        return cache
    }

    private static func server(_ provider: SnapshotCache) -> XDSServer {
        XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: provider)
    }

    private static func bootstrap(_ a: EndpointAddress, _ b: EndpointAddress) -> Bootstrap {
        Bootstrap(
            servers: [.init(uri: "\(a)")],
            node: .init(id: "x"),
            authorities: ["a": .init(), "b": .init(servers: [.init(uri: "\(b)")])]
        )
    }

    private static func mesh(
        _ bootstrap: Bootstrap,
        _ variant: XDSVariant,
        _ targets: String...
    ) throws -> Mesh {
        let source = XDSConfigSource(
            bootstrap: bootstrap,
            protocol: variant,
            targets: try targets.map { try XDSTarget(uri: $0) },
            backoff: ReconnectBackoff(base: .milliseconds(5), maximum: .milliseconds(50))
        )
        return try Mesh(sources: [source])
    }

    /// Runs a service that answers with a text.
    private static func answering(
        _ text: String,
        _ body: (EndpointAddress) async throws -> Void
    ) async throws {
        let (listening, heard) = AsyncStream.makeStream(of: EndpointAddress.self)
        let http = MeshHTTPServer(
            .init(address: EndpointAddress(host: "127.0.0.1", port: 0)),
            handler: { _ in InboundResponse(status: .ok, body: .text(text)) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await http.run { heard.yield($0) } }
            var found: EndpointAddress?
            for await address in listening {
                found = address
                break
            }
            try await body(try #require(found))
            http.drain.beginStopping()
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    private static func text(_ host: String, _ mesh: Mesh, _ transport: HTTPTransport) async throws -> String {
        let request = HTTPRequest(method: .get, scheme: "http", authority: host, path: "/")
        return String(buffer: try await MeshHTTPClient(mesh: mesh, transport: transport).execute(request).body)
    }

    private static func place(
        _ resources: MeshResources,
        _ id: String,
        _ authority: String,
        at address: EndpointAddress
    )
        -> MeshResources
    {
        var resources = resources
        let name = World.name(authority, .endpointAssignment, id)
        resources.endpointAssignments[name] = EndpointAssignment(name: name, addresses: [address])
        return resources
    }

    @Test(arguments: XDSVariant.allCases)
    func `a request goes by what both say, and goes on when one of them dies, which the other need not notice`(
        variant: XDSVariant
    ) async throws {
        try await Self.answering("shop") { shop in
            try await Self.answering("stock") { stock in
                let crossed = Self.place(
                    World.service(listener: "a", routes: "b", cluster: "a", endpoints: "b"),
                    "shop",
                    "b",
                    at: shop
                )
                let ofA = World.part("a", of: crossed)
                let cache = try Self.cache(ofA)
                let (serverA, serverB) = (
                    Self.server(cache), Self.server(try Self.cache(World.part("b", of: crossed)))
                )
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await serverA.run() }
                    let addressA = try await serverA.listeningAddress
                    try await withThrowingTaskGroup(of: Void.self) { dying in
                        dying.addTask { try await serverB.run() }
                        let bootstrap = Self.bootstrap(addressA, try await serverB.listeningAddress)
                        let mesh = try Self.mesh(bootstrap, variant, "xds://a/shop", "xds://a/stock")
                        group.addTask { try await mesh.run() }
                        try await mesh.ready(timeout: .seconds(60))
                        try await withHTTPTransport { transport in
                            #expect(try await Self.text("shop", mesh, transport) == "shop")
                            dying.cancelAll()
                            while let result = await dying.nextResult() { _ = result }
                            let own = Self.place(World.service("stock", of: "a"), "stock", "a", at: stock)
                            try cache.publish(World.all(ofA, own), to: "all")
                            let name = World.listener("a", "stock")
                            while mesh.snapshot?.resources.listeners[name] == nil {
                                #expect(try await Self.text("shop", mesh, transport) == "shop")
                            }
                            #expect(try await Self.text("stock", mesh, transport) == "stock")
                            #expect(try await Self.text("shop", mesh, transport) == "shop")
                        }
                    }
                    group.cancelAll()
                    while let result = await group.nextResult() { _ = result }
                }
            }
        }
    }

    @Test func `one that is dead from the start holds up nothing of the other's`() async throws {
        try await Self.answering("shop") { shop in
            let gone = Self.server(try Self.cache(MeshResources()))
            // Its port is free as long as nobody asks the system for one, which is short.
            let free = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await gone.run() }
                let address = try await gone.listeningAddress
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
                return address
            }
            let own = Self.place(World.service(of: "a"), "shop", "a", at: shop)
            let serverA = Self.server(try Self.cache(own))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await serverA.run() }
                let bootstrap = Self.bootstrap(try await serverA.listeningAddress, free)
                let mesh = try Self.mesh(bootstrap, .stateOfTheWorld, "xds://a/shop", "xds://b/other")
                group.addTask { try await mesh.run() }
                try await mesh.ready(timeout: .seconds(60))
                let answer = try await withHTTPTransport { try await Self.text("shop", mesh, $0) }
                #expect(answer == "shop")
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
            }
        }
    }
}
