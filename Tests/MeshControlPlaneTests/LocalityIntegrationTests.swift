// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshXDS
import Testing

@testable import MeshControlPlane

/// One control plane, and clients of two places that it tells different things, on real sockets.
@Suite(.timeLimit(.minutes(5))) struct LocalityIntegrationTests {
    private static let rule = """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1}}
        """

    /// The regions of reviews' instances, the best one first.
    private static func regions(in resources: MeshResources) -> [String] {
        let assignment = resources.endpointAssignments["outbound|9080||reviews.default.svc.cluster.local"]
        return (assignment?.localities ?? []).sorted { $0.priority < $1.priority }.map(\.locality.region)
    }

    @Test func `each client has the instances of its own place first, whoever else is alike`() async throws {
        let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
        try folder.write(Self.rule, to: "reviews.yaml")
        var configuration = Samples.configuration(folder: folder.path, state: state.path)
        configuration.leaseDuration = .seconds(300)
        let places = ["eu", "us", "eu"]
        let logs = places.map { _ in ConfigurationLog() }
        try await whileServing(configuration) { (_, addresses) async throws -> Void in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (place, log) in zip(places, logs) {
                    // The clients say nothing of themselves that tells them apart but this.
                    let node = Bootstrap.Node(id: "productpage", locality: Locality(region: place))
                    let source = XDSConfigSource(bootstrap: Bootstrap(server: addresses.xds, node: node))
                    group.addTask {
                        do { try await source.run(delivering: log.sink) } catch is CancellationError {}
                    }
                }
                let result: Result<Void, any Error>
                do {
                    result = .success(try await register(APIClient(address: addresses.registry), then: logs))
                } catch {
                    result = .failure(error)
                }
                group.cancelAll()
                try await group.waitForAll()
                try result.get()
            }
        }
    }

    private func register(_ api: APIClient, then logs: [ConfigurationLog]) async throws {
        for (number, region) in ["eu", "us"].enumerated() {
            var instance = Samples.registration("reviews-\(number)", port: 9080 + UInt16(number))
            instance.locality = "\(region)/a"
            #expect(try await api.register(instance) == 201)
        }
        try await logs[0].wait { Self.regions(in: $0) == ["eu", "us"] }
        try await logs[1].wait { Self.regions(in: $0) == ["us", "eu"] }
        try await logs[2].wait { Self.regions(in: $0) == ["eu", "us"] }
    }
}
