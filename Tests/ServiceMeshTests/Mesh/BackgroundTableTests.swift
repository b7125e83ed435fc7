// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

/// Who makes the tables of balancers when the health of endpoints changes.
@Suite(.timeLimit(.minutes(5))) struct BackgroundTableTests {
    /// Whether the current task stands for a request.
    @TaskLocal private static var isRequest = false

    private final class Count: Sendable {
        let inRequests = Atomic<Int>(0)
        let elsewhere = Atomic<Int>(0)
    }

    /// A ring that knows who made it.
    private struct CountedRing: LoadBalancingPolicy {
        let ring = RingHash()
        let count = Count()

        var name: String { ring.name }
        var picksByHash: Bool { true }
        var makesTables: Bool { true }

        func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
            if BackgroundTableTests.isRequest {
                count.inRequests.wrappingAdd(1, ordering: .relaxed)
            } else {
                count.elsewhere.wrappingAdd(1, ordering: .relaxed)
            }
            return ring.makePicker(endpoints, random: random)
        }

        static func == (first: Self, second: Self) -> Bool { first.count === second.count }

        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(count)) }
    }

    private let policy = CountedRing()
    private let fixture: MeshFixture

    init() throws {
        var resources = Given.simple(
            ports: [1, 2, 3],
            outlierDetection: OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 100)
        )
        resources.clusters["v1"]?.loadBalancing = .init(policy)
        let isIll = Mutex(true)
        fixture = try MeshFixture(resources) { sent, _ in
            guard sent.endpoint?.port == 1 else { return .status(200) }
            return isIll.withLock { isIll in
                defer { isIll = false }
                return isIll ? .status(500) : .status(200)
            }
        }
        policy.count.elsewhere.store(0, ordering: .relaxed)
    }

    private func send() async {
        _ = await Self.$isRequest.withValue(true) { await fixture.send() }
    }

    private func ejectFirst() async {
        while fixture.observer.events.allSatisfy({ !"\($0)".hasPrefix("endpointEjected") }) { await send() }
    }

    @Test func `while the mesh runs, no request does`() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await fixture.mesh.run() }
            while !fixture.mesh.tables.isRunning { await Task.yield() }
            await ejectFirst()
            while policy.count.elsewhere.load(ordering: .relaxed) == 0 { await Task.yield() }
            for _ in 0..<50 { await send() }
            group.cancelAll()
        }
        #expect(policy.count.inRequests.load(ordering: .relaxed) == 0)
        #expect(policy.count.elsewhere.load(ordering: .relaxed) == 1)
        #expect(fixture.attemptsByPort[1] == 1)
    }

    @Test func `while it does not run, the first request does`() async {
        await ejectFirst()
        for _ in 0..<50 { await send() }
        #expect(policy.count.inRequests.load(ordering: .relaxed) == 1)
        #expect(policy.count.elsewhere.load(ordering: .relaxed) == 0)
        #expect(fixture.attemptsByPort[1] == 1)
    }
}
