// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

/// Batching stands in front of a client: only the application knows how one request asks for several things.
@Suite struct BatchingOverMeshTests {
    private struct Refused: Error, Equatable {
        var status: Int
    }

    private static func ratings(_ fixture: MeshFixture) throws -> Batching<Int, Int> {
        try Batching<Int, Int>(
            BatchingConfiguration(maximumBatchSize: 3, maximumDelay: .milliseconds(10)),
            name: "ratings",
            observers: ObserverSet([fixture.observer]),
            clock: fixture.clock
        ) { ids in
            let list = ids.sorted().map(String.init).joined(separator: ",")
            var context = fixture.mesh.makeContext()
            let status = try await fixture.stack.withResponse(
                to: InMemoryRequest(path: "/ratings?ids=\(list)"),
                context: &context
            ) { $0.statusCode }
            guard status == 200 else { throw Refused(status: status) }
            return Dictionary(uniqueKeysWithValues: ids.map { ($0, .success($0 * 10)) })
        }
    }

    @Test func `calls that come close together are one request of the mesh, under its policies`() async throws {
        let fixture = try MeshFixture(Given.simple(ports: [1, 2], retry: Given.retry())) { _, number in
            number == 0 ? .status(503) : .status(200)
        }
        let ratings = try Self.ratings(fixture)
        let stars = try await withThrowingTaskGroup(of: Int.self) { group in
            for id in 1...3 { group.addTask { try await ratings.run(id) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(stars.sorted() == [10, 20, 30])
        // The batch was retried as one.
        #expect(fixture.network.sent.map(\.request.path) == ["/ratings?ids=1,2,3", "/ratings?ids=1,2,3"])
        #expect(fixture.observer.requests.count == 1 && fixture.observer.requests.first?.attempts == 2)
        #expect(fixture.observer.decisions.contains { $0.policy == .batch && $0.action == .batched })
        #expect(fixture.isAtRest)
    }

    @Test func `what the mesh refuses fails every call of the batch`() async throws {
        let fixture = try MeshFixture(Given.simple()) { _, _ in .status(503) }
        let ratings = try Self.ratings(fixture)
        await withTaskGroup(of: Void.self) { group in
            for id in 1...3 {
                group.addTask { await #expect(throws: Refused(status: 503)) { try await ratings.run(id) } }
            }
        }
        #expect(fixture.network.sent.count == 1 && fixture.isAtRest)
    }
}
