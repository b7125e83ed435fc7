// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

@Suite("The secrets of a mesh")
struct SecretTableTests {
    private static let reference = SecretReference(certificate: "mine", validation: "roots")

    private static func resources(key: String, security: Cluster.UpstreamSecurity) -> MeshResources {
        let addresses = [EndpointAddress(host: "10.0.0.1", port: 80)]
        let certificate = TLSCertificate(chain: "chain", privateKey: SecretText(key))
        return MeshResources(
            clusters: [
                Cluster(
                    name: "c",
                    discovery: .fixed(EndpointAssignment(name: "c", addresses: addresses)),
                    upstreamSecurity: security,
                    secrets: reference
                )
            ],
            secrets: [
                Secret(name: "mine", content: .certificate(certificate)),
                Secret(name: "roots", content: .validation(PeerValidation(trustedRoots: "roots"))),
            ]
        )
    }

    private static func secured(key: String) -> MeshResources {
        resources(key: key, security: .mutualTLS(acceptedIdentities: []))
    }

    private static func endpoint(_ mesh: Mesh) throws -> EndpointState {
        try #require(mesh.loadSnapshot().clusters["c"]?.endpoints.first)
    }

    @Test("reach the endpoints of their cluster, and a new one changes no endpoint")
    func rotation() throws {
        let mesh = try Mesh(clock: ManualClock())
        try mesh.apply(Self.secured(key: "a"))
        let before = try Self.endpoint(mesh)
        let place = try #require(before.endpoint.secrets)
        #expect(try place.current.certificate?.privateKey.revealed == "a")
        try mesh.apply(Self.secured(key: "b"))
        #expect(try Self.endpoint(mesh) === before)
        #expect(try place.current.certificate?.privateKey.revealed == "b")
    }

    @Test("are not those of a configuration that is refused")
    func refusal() throws {
        let mesh = try Mesh(clock: ManualClock())
        try mesh.apply(Self.secured(key: "a"))
        let place = try #require(try Self.endpoint(mesh).endpoint.secrets)
        var bad = Self.secured(key: "b")
        bad.clusters["c"]?.connectTimeout = .zero
        #expect(throws: ConfigurationError.self) { try mesh.apply(bad) }
        #expect(try place.current.certificate?.privateKey.revealed == "a")
    }

    @Test("that are missing, or of the wrong kind, leave nothing to protect a connection with")
    func missing() throws {
        let mesh = try Mesh(clock: ManualClock())
        var resources = Self.secured(key: "a")
        resources.secrets["mine"] = nil
        try mesh.apply(resources)
        let place = try #require(try Self.endpoint(mesh).endpoint.secrets)
        #expect(throws: DeliveredSecrets.Missing("the secret mine has not been delivered")) { try place.current }
        resources.secrets["mine"] = Secret(name: "mine", content: .validation(PeerValidation(trustedRoots: "r")))
        try mesh.apply(resources)
        #expect(throws: DeliveredSecrets.Missing("the secret mine is no certificate")) { try place.current }
        try mesh.apply(Self.secured(key: "a"))
        #expect(try place.current.validation?.trustedRoots == "roots")
    }

    @Test("are for the endpoints that have TLS only")
    func plaintext() throws {
        let mesh = try Mesh(clock: ManualClock())
        try mesh.apply(Self.resources(key: "a", security: .automatic(acceptedIdentities: [])))
        #expect(try Self.endpoint(mesh).endpoint.secrets == nil)
    }

    @Test("are explained by their names, with what is missing, and not by what they say")
    func explanation() throws {
        let mesh = try Mesh(clock: ManualClock())
        var resources = Self.secured(key: "geheim")
        let routes = [Route(action: .forward(.init(clusters: WeightedClusters(single: "c"))))]
        let host = VirtualHost(name: "h", domains: [.exact("reviews")], routes: routes)
        let table = RouteConfiguration(name: "r", virtualHosts: [host])
        resources.listeners["reviews"] = Listener(name: "reviews", routes: .inline(table))
        try mesh.apply(resources)
        var request = InMemoryRequest()
        request.authority = "reviews"
        #expect("\(mesh.explain(request))".contains("certificate mine, roots roots"))
        #expect(!"\(mesh.explain(request))".contains("geheim"))
        resources.secrets["roots"] = nil
        try mesh.apply(resources)
        #expect("\(mesh.explain(request))".contains("connections fail: the secret roots has not been delivered"))
    }

    @Test("of a server are those that its listener names")
    func inbound() throws {
        let address = EndpointAddress(host: "10.0.0.2", port: 80)
        var resources = Self.secured(key: "a")
        resources.listeners["in"] = Listener(
            name: "in",
            direction: .inbound(address: address, security: .mutualTLS),
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: [])),
            secrets: Self.reference
        )
        let mesh = try Mesh(clock: ManualClock())
        let stack = InboundStack(mesh: mesh, address: address)
        #expect(stack.protection.secrets == nil)
        try mesh.apply(resources)
        #expect(try stack.protection.secrets?.current.certificate?.privateKey.revealed == "a")
        resources.listeners["in"]?.secrets = nil
        try mesh.apply(resources)
        #expect(stack.protection.secrets == nil)
    }
}
