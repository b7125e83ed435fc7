// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Logging
import MeshCore
import MeshIdentity
import MeshSecurity
import MeshXDS
import Testing

@testable import MeshControlPlane

/// The whole control plane on real sockets, at ports that the system chooses.
@Suite(.timeLimit(.minutes(5))) struct ControlPlaneIntegrationTests {
    private let folder: TemporaryFolder
    private let state: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
        self.state = try TemporaryFolder()
    }

    private var configuration: ControlPlaneConfiguration {
        Samples.configuration(folder: folder.path, state: state.path)
    }

    @Test func `it listens on loopback, takes registrations and tells its status`() async throws {
        try folder.write(Samples.goodManifest, to: "reviews.yaml")
        try await whileServing(configuration) { controlPlane, addresses in
            #expect(addresses.registry.host == "127.0.0.1")
            #expect(addresses.xds.host == "127.0.0.1")
            #expect(controlPlane.addresses == addresses)
            let client = APIClient(address: addresses.registry)
            #expect(try await client.register(Samples.registration(), token: nil) == 401)
            #expect(try await client.register(Samples.registration()) == 201)
            let status = try await client.ask("GET", "/v1/status").body
            #expect(status.contains(#""instances":1"#))
            #expect(status.contains(#""manifestGeneration":1"#))
            #expect(try await client.ask("GET", "/v1/diagnostics").body.contains(#""isCurrent":true"#))
        }
    }

    @Test func `a workload gets its certificate over gRPC, and nobody without a token does`() async throws {
        try await whileServing(configuration) { controlPlane, addresses in
            let identity = WorkloadIdentity(spiffeID: try SPIFFEID("spiffe://cluster.local/ns/default/sa/reviews"))
            let request = try CertificateRequest(for: identity.spiffeID)
            let client = CertificateServiceClient(address: addresses.xds)
            let chain = try await client.create(csrPEM: request.pem, token: Samples.secret, validity: .seconds(60))
            try await identity.install(chain, answering: request)
            #expect(identity.generation == 1)
            #expect(chain.last == controlPlane.trustAnchor)
            await #expect(throws: (any Error).self) {
                try await client.create(csrPEM: request.pem, token: "wrong token, wrong token", validity: .zero)
            }
        }
    }

    @Test func `a certificate buys the next one over mutual TLS, until it is taken back`() async throws {
        var configuration = configuration
        configuration.securedXDSAddress = EndpointAddress(host: "127.0.0.1", port: 0)
        try await whileServing(configuration) { controlPlane, addresses in
            let secured = try #require(addresses.securedXDS)
            let identity = WorkloadIdentity(spiffeID: try SPIFFEID(AuthorityFixture.reviews))
            let first = try CertificateRequest(for: identity.spiffeID)
            let open = CertificateServiceClient(address: addresses.xds)
            try await identity.install(
                open.create(csrPEM: first.pem, token: Samples.secret, validity: .zero),
                answering: first
            )
            let client = CertificateServiceClient(address: secured) {
                try identity.makeClientHandler(
                    acceptedIdentities: ["spiffe://cluster.local/ns/istio-system/sa/istiod"],
                    httpVersion: .http2
                )
            }
            let second = try CertificateRequest(for: identity.spiffeID)
            let chain = try await client.create(csrPEM: second.pem, token: "", validity: .zero)
            try await identity.install(chain, answering: second)
            #expect(identity.generation == 2)
            let other = try CertificateRequest(for: SPIFFEID("spiffe://cluster.local/ns/default/sa/ratings"))
            await #expect(throws: (any Error).self) {
                try await client.create(csrPEM: other.pem, token: "", validity: .zero)
            }
            await #expect(throws: (any Error).self) {
                try await open.create(csrPEM: second.pem, token: "", validity: .zero)
            }
            let third = try CertificateRequest(for: identity.spiffeID)
            #expect(try controlPlane.revoke(serialNumber: AuthorityFixture.serialNumber(chain)))
            await #expect(throws: (any Error).self) {
                try await client.create(csrPEM: third.pem, token: "", validity: .zero)
            }
        }
    }

    @Test func `it starts without its folder, and says so`() async throws {
        var configuration = configuration
        configuration.manifestFolder += "/nowhere"
        try await whileServing(configuration) { _, addresses in
            let diagnostics = try await APIClient(address: addresses.registry).ask("GET", "/v1/diagnostics").body
            #expect(diagnostics.contains(#""isCurrent":false"#))
            #expect(diagnostics.contains("nowhere"))
        }
    }

    @Test func `an address in use fails the start, for those who wait as well`() async throws {
        try await whileServing(configuration) { _, addresses in
            var configuration = configuration
            configuration.registryAddress = addresses.registry
            let second = try ControlPlane(
                configuration: configuration,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            await #expect(throws: (any Error).self) { try await second.run() }
            await #expect(throws: (any Error).self) { try await second.waitUntilReady() }
        }
    }

    @Test func `a configuration that is wrong is refused with every problem`() {
        var configuration = configuration
        configuration.leaseDuration = .zero
        configuration.tokens = [RegistrationToken(secret: "x", namespace: "default")]
        let error = #expect(throws: ConfigurationError.self) { try ControlPlane(configuration: configuration) }
        #expect(error?.problems.map(\.path) == ["tokens[0].secret", "leaseDuration"])
    }
}
