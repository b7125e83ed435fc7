// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import MeshXDS
import Testing

@testable import MeshControlPlane

/// The control plane and the mesh's own xDS client on real sockets.
@Suite(.timeLimit(.minutes(5))) struct DiscoveryIntegrationTests {
    private static let host = "reviews.default.svc.cluster.local"
    private static let address = EndpointAddress(host: "127.0.0.1", port: 9080)

    private let folder: TemporaryFolder
    private let state: TemporaryFolder
    private let log = ConfigurationLog()

    init() throws {
        self.folder = try TemporaryFolder()
        self.state = try TemporaryFolder()
        try folder.write(Samples.goodManifest, to: "reviews.yaml")
    }

    private var configuration: ControlPlaneConfiguration {
        var configuration = Samples.configuration(folder: folder.path, state: state.path)
        configuration.folderPollInterval = .milliseconds(10)
        // Longer than any test, so that a machine that is busy with other tests takes no instance out.
        configuration.leaseDuration = .seconds(300)
        return configuration
    }

    /// The endpoints of reviews' first version.
    private static func endpoints(in resources: MeshResources) -> [EndpointAddress] {
        resources.endpointAssignments["outbound|9080|v1|\(host)"]?.localities.flatMap(\.endpoints).map(\.address) ?? []
    }

    private static func health(in resources: MeshResources) -> [HealthStatus] {
        resources.endpointAssignments["outbound|9080|v1|\(host)"]?.localities.flatMap(\.endpoints).map(\.health) ?? []
    }

    /// Runs a body beside a client of a control plane.
    private func whileFollowing(_ address: EndpointAddress, _ body: () async throws -> Void) async throws {
        let source = XDSConfigSource(
            bootstrap: Bootstrap(server: address, node: Bootstrap.Node(id: "productpage")),
            backoff: ReconnectBackoff(base: .milliseconds(10), maximum: .milliseconds(50))
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [log] in
                do { try await source.run(delivering: log.sink) } catch is CancellationError {}
            }
            let result: Result<Void, any Error>
            do {
                try await body()
                result = .success(())
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            try await group.waitForAll()
            try result.get()
        }
    }

    @Test func `what happens to instances and manifests reaches the clients`() async throws {
        try await whileServing(configuration) { _, addresses in
            let api = APIClient(address: addresses.registry)
            try await whileFollowing(addresses.xds) {
                #expect(try await api.register(Samples.registration()) == 201)
                try await log.wait { Self.endpoints(in: $0) == [Self.address] }
                let status = try await api.ask("GET", "/v1/status").body
                #expect(status.contains(#""node":"productpage""#))

                // A mistake changes nothing, its correction applies.
                let before = log.applied.last
                try folder.write(Samples.badManifest, to: "reviews.yaml")
                while try await api.ask("GET", "/v1/diagnostics").body.contains(#""isCurrent":true"#) {
                    #expect(try await api.ask("PUT", "/v1/instances/reviews-1").status == 200)
                }
                #expect(log.applied.last == before)
                try folder.write(Samples.secondVersionManifest, to: "reviews.yaml")
                try await log.wait { $0.clusters["outbound|9080|v2|\(Self.host)"] != nil }
            }
        }
    }

    @Test func `an instance that drains is draining for its clients, and the status says so`() async throws {
        try await whileServing(configuration) { _, addresses in
            let api = APIClient(address: addresses.registry)
            try await whileFollowing(addresses.xds) {
                #expect(try await api.register(Samples.registration()) == 201)
                try await log.wait { Self.health(in: $0) == [.healthy] }
                let drain = Data(#"{"state":"draining"}"#.utf8)
                #expect(try await api.ask("PUT", "/v1/instances/reviews-1", body: drain).status == 200)
                try await log.wait { Self.health(in: $0) == [.draining] }
                let status = try await api.ask("GET", "/v1/status").body
                #expect(status.contains(#""drainingInstances":1"#) && status.contains(#""instances":1"#))
                #expect(try await api.ask("DELETE", "/v1/instances/reviews-1").status == 204)
                try await log.wait { Self.endpoints(in: $0).isEmpty }
            }
        }
    }

    @Test func `an instance whose lease runs out leaves the clients' endpoints`() async throws {
        var configuration = configuration
        configuration.leaseDuration = .seconds(1)
        try await whileServing(configuration) { _, addresses in
            let api = APIClient(address: addresses.registry)
            try await whileFollowing(addresses.xds) {
                // Until the client has heard of it, however slow this machine is; then never again.
                while log.applied.last.map({ Self.endpoints(in: $0) }) != [Self.address] {
                    #expect(try await api.register(Samples.registration()) == 201)
                }
                try await log.wait { Self.endpoints(in: $0).isEmpty }
                #expect(try await api.ask("PUT", "/v1/instances/reviews-1").status == 404)
            }
        }
    }

    @Test func `a restart takes nothing away from clients, and what was edited meanwhile applies`() async throws {
        var configuration = configuration
        // A control plane that has just started waits a lease for those who live.
        configuration.leaseDuration = .seconds(5)
        // The port that the system chose once is the one that the client knows.
        let address = try await whileServing(configuration) { _, addresses in addresses.xds }
        configuration.xdsAddress = address
        try await whileFollowing(address) {
            try await whileServing(configuration) { (_, addresses) async throws -> Void in
                let api = APIClient(address: addresses.registry)
                #expect(try await api.register(Samples.registration()) == 201)
                try await log.wait { Self.endpoints(in: $0) == [Self.address] }
            }
            let known = log.applied.count
            try folder.write(Samples.goodManifest + "\n---\n" + Samples.outsideManifest, to: "reviews.yaml")
            try await whileServing(configuration) { (_, addresses) async throws -> Void in
                let api = APIClient(address: addresses.registry)
                // Long enough for the client to be back before the instance is.
                while try await api.ask("GET", "/v1/status").body.contains(#""clients":[]"#) {}
                #expect(try await api.register(Samples.registration()) == 201)
                async let renewals: Void = renew(api)
                try await log.wait { $0.clusters["outbound|443||example.org"] != nil }
                try await renewals
            }
            #expect(log.applied[known...].allSatisfy { Self.endpoints(in: $0) == [Self.address] })
        }
    }

    private func renew(_ api: APIClient) async throws {
        while log.applied.last?.clusters["outbound|443||example.org"] == nil {
            #expect(try await api.ask("PUT", "/v1/instances/reviews-1").status == 200)
        }
    }
}
