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

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The whole control plane on real sockets, at ports that the system chooses.
@Suite(.timeLimit(.minutes(1))) struct ControlPlaneIntegrationTests {
    private let folder: TemporaryFolder
    private let state: TemporaryFolder
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws {
        self.folder = try TemporaryFolder()
        self.state = try TemporaryFolder()
    }

    private func controlPlane() throws -> ControlPlane {
        try ControlPlane(
            configuration: Samples.configuration(folder: folder.path, state: state.path),
            logger: quiet
        )
    }

    /// Runs a body beside a control plane that listens, and stops the control plane afterwards.
    private func whileServing(
        _ controlPlane: ControlPlane,
        _ body: (ControlPlane.Addresses) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await controlPlane.run() } catch is CancellationError {}
            }
            let result: Result<Void, any Error>
            do {
                try await body(controlPlane.waitUntilReady())
                result = .success(())
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            try await group.waitForAll()
            try result.get()
        }
    }

    private func ask(
        _ method: String,
        _ path: String,
        at address: EndpointAddress,
        token: String? = Samples.secret,
        body: Data? = nil
    ) async throws -> (status: Int, body: String) {
        var request = URLRequest(url: try #require(URL(string: "http://\(address)\(path)")))
        request.httpMethod = method
        request.httpBody = body
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = try #require(response as? HTTPURLResponse).statusCode
        return (status, String(decoding: data, as: UTF8.self))
    }

    @Test func `it listens on loopback, takes registrations and tells its status`() async throws {
        try folder.write(Samples.goodManifest, to: "reviews.yaml")
        let controlPlane = try controlPlane()
        try await whileServing(controlPlane) { addresses in
            #expect(addresses.registry.host == "127.0.0.1")
            #expect(addresses.xds.host == "127.0.0.1")
            #expect(controlPlane.addresses == addresses)
            let body = try JSONEncoder().encode(Samples.registration())
            let refused = try await ask("POST", "/v1/instances", at: addresses.registry, token: nil, body: body)
            #expect(refused.status == 401)
            let created = try await ask("POST", "/v1/instances", at: addresses.registry, body: body)
            #expect(created.status == 201)
            let status = try await ask("GET", "/v1/status", at: addresses.registry)
            #expect(status.body.contains(#""instances":1"#))
            #expect(status.body.contains(#""manifestGeneration":1"#))
            let diagnostics = try await ask("GET", "/v1/diagnostics", at: addresses.registry)
            #expect(diagnostics.body.contains(#""isCurrent":true"#))
        }
    }

    @Test func `a workload gets its certificate over gRPC, and nobody without a token does`() async throws {
        let controlPlane = try controlPlane()
        try await whileServing(controlPlane) { addresses in
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

    @Test func `it starts without its folder, and says so`() async throws {
        var configuration = Samples.configuration(folder: folder.path + "/nowhere", state: state.path)
        configuration.folderPollInterval = .milliseconds(10)
        let controlPlane = try ControlPlane(configuration: configuration, logger: quiet)
        try await whileServing(controlPlane) { addresses in
            let diagnostics = try await ask("GET", "/v1/diagnostics", at: addresses.registry)
            #expect(diagnostics.body.contains(#""isCurrent":false"#))
            #expect(diagnostics.body.contains("nowhere"))
        }
    }

    @Test func `an address in use fails the start, for those who wait as well`() async throws {
        let first = try controlPlane()
        try await whileServing(first) { addresses in
            var configuration = Samples.configuration(folder: folder.path, state: state.path)
            configuration.registryAddress = addresses.registry
            let second = try ControlPlane(configuration: configuration, logger: quiet)
            await #expect(throws: (any Error).self) { try await second.run() }
            await #expect(throws: (any Error).self) { try await second.waitUntilReady() }
        }
    }

    @Test func `a configuration that is wrong is refused with every problem`() {
        var configuration = Samples.configuration(folder: folder.path, state: state.path)
        configuration.leaseDuration = .zero
        configuration.tokens = [RegistrationToken(secret: "x", namespace: "default")]
        let error = #expect(throws: ConfigurationError.self) {
            try ControlPlane(configuration: configuration, logger: quiet)
        }
        #expect(error?.problems.map(\.path) == ["tokens[0].secret", "leaseDuration"])
    }
}
