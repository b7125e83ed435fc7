// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Synchronization

/// Holds the configuration in force and swaps it as a whole.
final class SnapshotStore: Sendable {
    private struct State {
        var current: RuntimeSnapshot
        var delivered: [String: MeshResources] = [:]
        var order: [String] = []
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let builder: RuntimeBuilder
    private let state: Mutex<State>
    /// Builders work one at a time, outside the lock that requests take.
    private let building = Mutex(())
    /// Who hears of endpoints that are gone.
    let listeners = EndpointListeners()

    init(_ builder: RuntimeBuilder) {
        self.builder = builder
        self.state = Mutex(State(current: .empty))
    }

    var current: RuntimeSnapshot {
        state.withLock { $0.current }
    }

    func apply(_ resources: MeshResources, from source: String) throws(ConfigurationError) -> UInt64 {
        let result = building.withLock {
            _ -> Result<(UInt64, [CheckedContinuation<Void, Never>], Set<EndpointKey>), ConfigurationError> in
            let (previous, merged, order) = state.withLock { state in
                let order = state.order.contains(source) ? state.order : state.order + [source]
                var delivered = state.delivered
                delivered[source] = resources
                return (state.current, MeshResources(merging: order.compactMap { delivered[$0] }), order)
            }
            do throws(ConfigurationError) {
                var amended = merged
                builder.configuration.amend?(&amended)
                let snapshot = try MeshSnapshot(generation: previous.generation + 1, resources: amended)
                let next = try builder.build(snapshot, replacing: previous)
                let waiters = state.withLock { state in
                    state.current = next
                    state.delivered[source] = resources
                    state.order = order
                    defer { state.waiters = [:] }
                    return Array(state.waiters.values)
                }
                return .success((next.generation, waiters, next.removedEndpoints(since: previous)))
            } catch {
                return .failure(error)
            }
        }
        let (generation, waiters, removed) = try result.get()
        for waiter in waiters { waiter.resume() }
        listeners.tell(removed: removed)
        return generation
    }

    func waitForConfiguration(deadline: Deadline, clock: any MeshClock) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.waitForConfiguration()
                try Task.checkCancellation()
            }
            group.addTask {
                try await clock.sleep(until: deadline.instant)
                throw MeshError(.notReady, origin: .local, message: "no configuration arrived in time")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func waitForConfiguration() async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isDone = state.withLock { state in
                    if state.current.source != nil || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}

extension MeshResources {
    /// What several sources deliver, as one; of two resources of one kind and name the later one wins.
    init(merging parts: [MeshResources]) {
        self.init()
        for part in parts {
            listeners.merge(part.listeners) { $1 }
            routeConfigurations.merge(part.routeConfigurations) { $1 }
            clusters.merge(part.clusters) { $1 }
            endpointAssignments.merge(part.endpointAssignments) { $1 }
            ignored += part.ignored
        }
    }
}
