// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshTesting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Applied by all", .timeLimit(.minutes(5)))
struct AwaitAppliedTests {
    private let clock = ManualClock()
    private let cache: SnapshotCache
    private let groups = EncodedGroups()

    init() {
        cache = SnapshotCache(clock: clock) { $0.cluster }
    }

    private func request(
        _ kind: ResourceKind,
        adding: [String] = [],
        answering nonce: String = "",
        refusal: String? = nil,
        ignores: [String] = []
    ) -> Envoy_Service_Discovery_V3_DeltaDiscoveryRequest {
        var request = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest()
        request.node.id = "n"
        request.node.cluster = "g"
        request.node.userAgentName = "envoy"
        request.node.userAgentBuildVersion.version.majorNumber = 1
        request.node.userAgentBuildVersion.version.minorNumber = 40
        request.node.clientFeatures = ["envoy.lb.does_not_support_overprovisioning"]
        if !ignores.isEmpty {
            var list = Google_Protobuf_ListValue()
            list.values = ignores.map { Google_Protobuf_Value(stringValue: $0) }
            request.node.metadata.fields["IGNORED_FIELDS"] = Google_Protobuf_Value(listValue: list)
        }
        request.typeURL = kind.typeURL
        request.resourceNamesSubscribe = adding
        request.responseNonce = nonce
        if let refusal { request.errorDetail.message = refusal }
        return request
    }

    private func stream() -> DiscoveryStream {
        DiscoveryStream(number: 1, form: .incremental, provider: cache, groups: groups)
    }

    @Test("a version is applied when the last response of it was taken, and the inventory shows each step")
    func steps() async throws {
        var stream = stream()
        let first = try cache.publish(Fixtures.mesh, to: "g")
        let clusters = try await stream.requestReceived(request(.cluster), at: clock.now)
        #expect(clusters.lines.count == 1)
        var client = try #require(cache.inventory.clients.first)
        #expect(client.node.userAgentVersion == "1.40.0")
        #expect(client.node.clientFeatures == ["envoy.lb.does_not_support_overprovisioning"])
        #expect(client.connection == XDSConnection(isIncremental: true, dialect: .envoy))
        #expect(client.servedVersion == first && client.appliedVersion == nil)
        #expect(client.served[.cluster]?.resources.map(\.status) == [.stale])
        _ = try await stream.requestReceived(request(.cluster, answering: clusters[0].nonce), at: clock.now)
        client = try #require(cache.inventory.clients.first)
        #expect(client.appliedVersion == first)
        #expect(client.served[.cluster]?.resources.map(\.status) == [.synced])
        let endpoints = try await stream.requestReceived(
            request(.endpointAssignment, adding: ["c", "x"]),
            at: clock.now
        )
        #expect(cache.inventory.clients.first?.appliedVersion == nil)
        #expect(try await cache.awaitApplied(first, in: "g", timeout: .zero).pending.count == 1)
        let refusal = request(.endpointAssignment, answering: endpoints[0].nonce, refusal: "no", ignores: ["a.b", "c"])
        _ = try await stream.requestReceived(refusal, at: clock.now)
        #expect(try await cache.awaitApplied(first, in: "g", timeout: .zero).refused.count == 1)
        client = try #require(cache.inventory.client(stream: 1))
        #expect(client.served[.endpointAssignment]?.resources.map(\.status) == [.error, .notSent])
        #expect(client.kinds[.endpointAssignment]?.reason == "no")
        #expect(client.ignoredFields == ["a.b", "c"])
    }

    @Test("who waits is told when all have it")
    func wait() async throws {
        var stream = stream()
        try cache.publish(Fixtures.mesh, to: "g")
        let before = try await stream.requestReceived(request(.endpointAssignment, adding: ["c"]), at: clock.now)
        _ = try await stream.requestReceived(request(.endpointAssignment, answering: before[0].nonce), at: clock.now)
        var changed = Fixtures.mesh
        changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
        let version = try cache.publish(changed, to: "g")
        async let report = cache.awaitApplied(version, in: "g", timeout: .seconds(10))
        await clock.waitForSleepers()
        let after = await stream.resourcesChanged(at: clock.now)
        #expect(after.count == 1)
        _ = try await stream.requestReceived(request(.endpointAssignment, answering: after[0].nonce), at: clock.now)
        let result = try await report
        #expect(result.isApplied)
        #expect(result.applied == [.init(stream: 1, node: "n")])
    }

    @Test("who waits for a client that does not answer is told who that is")
    func timeout() async throws {
        var stream = stream()
        let version = try cache.publish(Fixtures.mesh, to: "g")
        _ = try await stream.requestReceived(request(.cluster), at: clock.now)
        async let report = cache.awaitApplied(version, in: "g", timeout: .seconds(10))
        await clock.waitForSleepers()
        clock.advance(by: .seconds(10))
        #expect(try await report.pending == [.init(stream: 1, node: "n")])
    }

    @Test("going back to an earlier version is waited for like any other")
    func rollback() async throws {
        var stream = stream()
        try cache.publish(Fixtures.mesh, version: "a", to: "g")
        let first = try await stream.requestReceived(request(.endpointAssignment, adding: ["c"]), at: clock.now)
        _ = try await stream.requestReceived(request(.endpointAssignment, answering: first[0].nonce), at: clock.now)
        var changed = Fixtures.mesh
        changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
        try cache.publish(changed, version: "b", to: "g")
        let second = await stream.resourcesChanged(at: clock.now)
        try cache.publish(Fixtures.mesh, version: "a", to: "g")
        #expect(await stream.resourcesChanged(at: clock.now) == [])
        let third = try await stream.requestReceived(
            request(.endpointAssignment, answering: second[0].nonce),
            at: clock.now
        )
        #expect(third.count == 1)
        #expect(try await cache.awaitApplied("a", in: "g", timeout: .zero).pending.count == 1)
        _ = try await stream.requestReceived(request(.endpointAssignment, answering: third[0].nonce), at: clock.now)
        #expect(try await cache.awaitApplied("a", in: "g", timeout: .zero).isApplied)
    }

    @Test("a version that the group never had is an error, and a cancelled wait ends")
    func errors() async throws {
        try cache.publish(Fixtures.mesh, version: "a", to: "g")
        await #expect(throws: ConfigurationError.self) { try await cache.awaitApplied("z", in: "g", timeout: .zero) }
        await #expect(throws: ConfigurationError.self) { try await cache.awaitApplied("a", in: "h", timeout: .zero) }
        var stream = stream()
        _ = try await stream.requestReceived(request(.cluster), at: clock.now)
        await withThrowingTaskGroup(of: XDSAppliedReport.self) { group in
            group.addTask { try await cache.awaitApplied("a", in: "g", timeout: .seconds(10)) }
            await clock.waitForSleepers()
            group.cancelAll()
            await #expect(throws: CancellationError.self) { _ = try await group.next() }
        }
    }
}
