// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshRouting
import NIOCore
import NIOSSL
import ServiceMesh
import Synchronization
import Testing

@testable import MeshXDS

@Suite("Secrets by SDS over loopback", .timeLimit(.minutes(2)))
struct SecretIntegrationTests {
    /// What a server saw of a caller: the names of its certificate.
    @Sendable private static func names(of channel: any Channel) async -> String? {
        let loop = channel.eventLoop
        return try? await loop.submit { () -> String? in
            let place = channel.parent.flatMap { $0.eventLoop === loop ? $0 : nil } ?? channel
            for pipeline in [channel.pipeline, place.pipeline] {
                guard let tls = try? pipeline.syncOperations.handler(type: NIOSSLHandler.self) else { continue }
                return tls.peerCertificate?._subjectAlternativeNames().map { name in
                    name.contents.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
                }.joined(separator: " ")
            }
            return nil
        }.get()
    }

    /// Says who calls.
    @Sendable private static func answer(_ request: InboundRequest) async throws -> InboundResponse {
        InboundResponse(status: .ok, body: .text(request.peerIdentity ?? "nobody"))
    }

    private static let roots = Secret(
        name: "roots",
        content: .validation(PeerValidation(trustedRoots: TestCertificates.authority))
    )

    private static func resources(
        _ server: EndpointAddress,
        _ certificate: TLSCertificate,
        expecting identities: [String] = ["spiffe://mesh.test/server"]
    ) -> MeshResources {
        MeshResources(
            listeners: [Listener(name: "c", routes: .named("r"))],
            routeConfigurations: [
                RouteConfiguration(
                    name: "r",
                    virtualHosts: [
                        VirtualHost(
                            name: "c",
                            domains: [.exact("c")],
                            routes: [Route(action: .forward(.init(clusters: WeightedClusters(single: "c"))))]
                        )
                    ]
                )
            ],
            clusters: [
                Cluster(
                    name: "c",
                    upstreamSecurity: .mutualTLS(acceptedIdentities: identities),
                    secrets: SecretReference(certificate: "mine", validation: "roots")
                )
            ],
            endpointAssignments: [EndpointAssignment(name: "c", addresses: [server])],
            secrets: [Secret(name: "mine", content: .certificate(certificate)), roots]
        )
    }

    /// Runs a control plane, a mesh that follows it, and a server whose certificates come by the same way.
    private static func withMesh(
        _ variant: XDSVariant = .delta,
        server certificate: TLSCertificate = TestCertificates.server,
        configured: (EndpointAddress) -> MeshResources = { resources($0, TestCertificates.first) },
        _ body: @Sendable (Mesh, HTTPTransport, ScriptedProvider, EndpointAddress) async throws -> Void
    ) async throws {
        let address = EndpointAddress(host: "127.0.0.1", port: 1)
        let servers = try Mesh()
        try servers.apply(
            MeshResources(
                listeners: [
                    Listener(
                        name: "in",
                        direction: .inbound(address: address, security: .mutualTLS),
                        routes: .inline(RouteConfiguration(name: "r", virtualHosts: [])),
                        secrets: SecretReference(certificate: "server", validation: "roots")
                    )
                ],
                secrets: [Secret(name: "server", content: .certificate(certificate)), roots]
            )
        )
        let http = MeshHTTPServer(
            stack: InboundStack(mesh: servers, address: address),
            peerIdentity: { await names(of: $0) },
            handler: answer
        )
        let provider = ScriptedProvider(MeshResources())
        let xds = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: provider)
        let (listening, heard) = AsyncStream.makeStream(of: EndpointAddress.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await http.run { heard.yield($0) } }
            group.addTask { try await xds.run() }
            var found: EndpointAddress?
            for await address in listening {
                found = address
                break
            }
            let place = try #require(found)
            provider.set(configured(place), version: "1")
            let bootstrap = Bootstrap(server: try await xds.listeningAddress, node: .init(id: "x"))
            let mesh = try Mesh(sources: [XDSConfigSource(bootstrap: bootstrap, protocol: variant)])
            group.addTask { try await mesh.run() }
            try await mesh.ready(timeout: .seconds(60))
            try await withHTTPTransport { transport in
                try await body(mesh, transport, provider, place)
            }
            http.drain.beginStopping()
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    private static let request = HTTPRequest(method: .get, scheme: "http", authority: "c", path: "/")

    private static func text(_ mesh: Mesh, _ transport: HTTPTransport) async throws -> String {
        let client = MeshHTTPClient(mesh: mesh, transport: transport)
        return String(buffer: try await client.execute(request).body)
    }

    @Test(arguments: XDSVariant.allCases)
    func `a certificate that comes by SDS is shown, and a new one by the next connection`(
        variant: XDSVariant
    ) async throws {
        try await Self.withMesh(variant) { mesh, transport, provider, place in
            #expect(try await Self.text(mesh, transport) == "spiffe://mesh.test/first")
            let before = mesh.snapshot?.generation
            provider.set(Self.resources(place, TestCertificates.second), version: "2")
            // Requests go on meanwhile, and none is lost.
            while mesh.snapshot?.generation == before {
                #expect(try await Self.text(mesh, transport) == "spiffe://mesh.test/first")
            }
            // The connection that there is goes on showing what it began with; one that is made now does not.
            #expect(try await Self.text(mesh, transport) == "spiffe://mesh.test/first")
            #expect(transport.statistics.connections == 1)
            let caller = try await withHTTPTransport { try await Self.text(mesh, $0) }
            #expect(caller == "spiffe://mesh.test/second")
            let callers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<64 { group.addTask { try await Self.text(mesh, transport) } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(callers.isSubset(of: ["spiffe://mesh.test/first", "spiffe://mesh.test/second"]))
        }
    }

    @Test func `a server whom the roots do not vouch for is refused`() async throws {
        try await Self.withMesh(server: TestCertificates.outsider) { mesh, transport, _, _ in
            let error = await #expect(throws: MeshError.self) { try await Self.text(mesh, transport) }
            #expect(error?.code == .connectionFailed)
        }
    }

    @Test func `a server that is somebody else is refused`() async throws {
        try await Self.withMesh {
            Self.resources($0, TestCertificates.first, expecting: ["spiffe://mesh.test/other"])
        } _: { mesh, transport, _, _ in
            let error = await #expect(throws: MeshError.self) { try await Self.text(mesh, transport) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.description.contains("none of the accepted names") == true)
            let explanation = mesh.explain(OutboundRequest(Self.request)).description
            #expect(explanation.contains("certificate mine, roots roots"))
        }
    }

    @Test func `a caller whom the server's roots do not vouch for is refused`() async throws {
        try await Self.withMesh {
            Self.resources($0, TestCertificates.outsider)
        } _: { mesh, transport, _, _ in
            await #expect(throws: MeshError.self) { try await Self.text(mesh, transport) }
        }
    }

    @Test func `without its secret a cluster has no connection`() async throws {
        try await Self.withMesh { place in
            var without = Self.resources(place, TestCertificates.first)
            without.clusters["c"]?.secrets = SecretReference(certificate: "mine", validation: "nowhere")
            without.secrets["roots"] = nil
            return without
        } _: { mesh, transport, _, _ in
            let error = await #expect(throws: MeshError.self) { try await Self.text(mesh, transport) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.description.contains("the secret nowhere has not been delivered") == true)
        }
    }
}
