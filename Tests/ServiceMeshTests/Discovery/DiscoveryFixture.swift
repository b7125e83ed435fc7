// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization

@testable import ServiceMesh

/// A mesh in virtual time whose names are in a table.
struct DiscoveryFixture: Sendable {
    let clock = ManualClock()
    let observer = RecordingObserver()
    let watch = LookupWatch()
    let resolver: InMemoryHostResolver
    let network: InMemoryTransport
    let mesh: Mesh
    let stack: OutboundStack<InMemoryTransport>

    init(
        _ addresses: [String: [String]] = [:],
        hasResolver: Bool = true,
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step = { _, _ in .status(200) }
    ) throws {
        resolver = InMemoryHostResolver(addresses)
        network = InMemoryTransport(clock: clock, answer: answer)
        mesh = try Mesh(
            MeshConfiguration(
                hostResolver: hasResolver ? resolver : nil,
                observers: [observer, watch],
                isDisabled: false
            ),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        stack = OutboundStack(mesh: mesh, leaf: network)
    }

    /// Runs the mesh around a body.
    func running(_ body: @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.mesh.run() }
            // Outlier detection's.
            await clock.waitForSleepers(1)
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Waits until as many lookups as that have ended, and what they gave is in force.
    func lookups(_ count: Int) async {
        await watch.wait(for: count)
        await mesh.hosts.waitUntilWarm()
    }

    func send() async throws -> Int {
        var context = mesh.makeContext()
        return try await stack.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
    }

    var lookupsEnded: [HostLookup] {
        observer.events.compactMap { if case .hostLookup(let lookup) = $0 { lookup } else { nil } }
    }

    var outcomes: [HostLookup.Outcome] { lookupsEnded.map(\.outcome) }

    func cluster(_ name: String = "v1") -> ClusterRuntime? { mesh.loadSnapshot().clusters[name] }

    /// The addresses of a cluster's endpoints.
    func addresses(_ name: String = "v1") -> [String] {
        cluster(name)?.endpoints.map(\.endpoint.address.description) ?? []
    }

    /// One route to one cluster of names, all at port 80.
    static func resources(
        _ names: [String] = ["reviews.example"],
        _ settings: DNSDiscovery = .strict,
        outlierDetection: OutlierDetection? = nil
    ) -> MeshResources {
        var resources = Given.simple(outlierDetection: outlierDetection)
        resources.clusters["v1"]?.discovery = .dns(
            EndpointAssignment(name: "v1", addresses: names.map { EndpointAddress(host: $0, port: 80) }),
            settings
        )
        return resources
    }
}

/// Counts lookups that have ended, for those who wait for them.
final class LookupWatch: Observer {
    private struct State {
        var ended = 0
        var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func noticed(_ event: MeshEvent) {
        guard case .hostLookup = event else { return }
        let waiters = state.withLock { state in
            state.ended += 1
            let ended = state.ended
            defer { state.waiters.removeAll { $0.count <= ended } }
            return state.waiters.filter { $0.count <= ended }.map(\.continuation)
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait(for count: Int) async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.ended >= count { return true }
                state.waiters.append((count, continuation))
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
