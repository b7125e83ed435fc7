// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import Synchronization

/// Holds the configuration in force and swaps it as a whole.
final class SnapshotStore: Sendable {
    private struct State {
        var current: RuntimeSnapshot
        var delivered: [String: MeshResources] = [:]
        /// The sources whose last configuration was refused: what they say of changes is about one that is not in force.
        var refused: Set<String> = []
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
    /// Who hears of every other configuration but one that changes endpoints alone.
    let configurationListeners = ConfigurationListeners()
    /// What is known of host names.
    let hosts: HostNames

    init(_ builder: RuntimeBuilder, hosts: HostNames) {
        self.builder = builder
        self.hosts = hosts
        self.state = Mutex(State(current: .empty))
    }

    var current: RuntimeSnapshot {
        state.withLock { $0.current }
    }

    /// What a configuration that was put in force changes.
    struct Applied {
        let generation: UInt64
        /// The clusters that were not there, and those that are not any more.
        let clusters: (added: Set<String>, removed: Set<String>)
        /// The endpoints that requests go to no more.
        let removedEndpoints: Set<EndpointKey>
        /// Whether somebody asks endpoints how they are, or what they have to do, of clusters that are others now.
        var concernsProbes = true
        /// The values of the runtime that have no effect; `nil` for the same as before.
        var ignoredOfRuntime: [IgnoredField]?
    }

    func apply(_ resources: MeshResources, from source: String) throws(ConfigurationError) -> Applied {
        let result = building.withLock {
            _ -> Result<(Applied, [CheckedContinuation<Void, Never>]), ConfigurationError> in
            let (previous, merged, order) = state.withLock { state in
                let order = state.order.contains(source) ? state.order : state.order + [source]
                var delivered = state.delivered
                delivered[source] = resources
                return (state.current, MeshResources(merging: order.compactMap { delivered[$0] }), order)
            }
            do throws(ConfigurationError) {
                var amended = merged
                builder.configuration.amend?(&amended)
                let resolved = builder.resolvingRuntime(of: amended)
                let snapshot = try MeshSnapshot(generation: previous.generation + 1, resources: resolved)
                let named = hosts.prepare(resolved)
                let next = try builder.build(snapshot, replacing: previous, hosts: named.table)
                hosts.adopt(named)
                let waiters = state.withLock { state in
                    state.current = next
                    state.delivered[source] = resources
                    state.refused.remove(source)
                    state.order = order
                    defer { state.waiters = [:] }
                    return Array(state.waiters.values)
                }
                builder.loadStatistics.configurationChanged(to: next.loadStatisticsKeys)
                let applied = Applied(
                    generation: next.generation,
                    clusters: next.changedClusters(since: previous),
                    removedEndpoints: next.removedEndpoints(since: previous),
                    ignoredOfRuntime: Self.ignoredOfRuntime(resolved, besides: amended)
                )
                return .success((applied, waiters))
            } catch {
                state.withLock { _ = $0.refused.insert(source) }
                return .failure(error)
            }
        }
        let (applied, waiters) = try result.get()
        for waiter in waiters { waiter.resume() }
        listeners.tell(removed: applied.removedEndpoints)
        return applied
    }

    /// What has no effect in the runtime, besides what those who delivered it know themselves.
    private static func ignoredOfRuntime(_ resolved: MeshResources, besides known: MeshResources) -> [IgnoredField] {
        Array(resolved.ignored.dropFirst(known.ignored.count))
    }

    /// Puts a configuration in force that differs from the source's last one in these endpoint assignments alone.
    /// - Returns: `nil` if that is not all there is to it, so that it has to be applied as a whole.
    /// - Complexity: As `RuntimeBuilder.build(_:with:replacing:)`.
    func apply(
        _ resources: MeshResources,
        changing assignments: Set<String>,
        from source: String
    ) throws(ConfigurationError) -> Applied? {
        // Whoever amends configurations may look at all of it.
        guard builder.configuration.amend == nil else { return nil }
        let result = building.withLock { _ -> Result<Applied?, ConfigurationError> in
            let (previous, changes) = state.withLock { state -> (RuntimeSnapshot, [String: EndpointAssignment?]?) in
                guard state.order.contains(source), !state.refused.contains(source) else { return (state.current, nil) }
                var changes: [String: EndpointAssignment?] = [:]
                for name in assignments {
                    var assignment: EndpointAssignment?
                    // Of two sources the later one wins.
                    for other in state.order {
                        let part = other == source ? resources : state.delivered[other]
                        assignment = part?.endpointAssignments[name] ?? assignment
                    }
                    changes[name] = .some(assignment)
                }
                return (state.current, changes)
            }
            guard let before = previous.source, let changes else { return .success(nil) }
            do throws(ConfigurationError) {
                let snapshot = try MeshSnapshot(before, generation: previous.generation + 1, with: changes)
                guard let next = builder.build(snapshot, with: changes, replacing: previous) else {
                    return .success(nil)
                }
                state.withLock { state in
                    state.current = next
                    // In place: the whole would be copied to put it back.
                    for name in assignments {
                        state.delivered[source]?.endpointAssignments[name] = resources.endpointAssignments[name]
                    }
                }
                let localCluster = builder.configuration.localCluster
                return .success(next.applied(to: changes, since: previous, localCluster: localCluster))
            } catch {
                state.withLock { _ = $0.refused.insert(source) }
                return .failure(error)
            }
        }
        guard let applied = try result.get() else { return nil }
        listeners.tell(removed: applied.removedEndpoints)
        return applied
    }

    /// Compiles the configuration in force again, because host names have other addresses, or can be looked up now.
    ///
    /// It is the same configuration, so its generation stays. Whoever pushes another meanwhile waits for its turn.
    func hostsChanged() {
        let removed = building.withLock { _ -> Set<EndpointKey> in
            let previous = current
            guard let source = previous.source else { return [] }
            let named = hosts.prepare(source.resources)
            do throws(ConfigurationError) {
                let next = try builder.build(source, replacing: previous, hosts: named.table)
                hosts.adopt(named)
                state.withLock { $0.current = next }
                builder.loadStatistics.configurationChanged(to: next.loadStatisticsKeys)
                return next.removedEndpoints(since: previous)
            } catch {
                // It was compiled once; the last answers stay in force.
                builder.observers.noticed(.unexpected(component: "host names", message: "\(error)"))
                return []
            }
        }
        listeners.tell(removed: removed)
    }

    func waitForConfiguration(deadline: Deadline, clock: any MeshClock) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.waitForConfiguration()
                try Task.checkCancellation()
                await self.hosts.waitUntilWarm()
                try Task.checkCancellation()
            }
            group.addTask {
                try await clock.sleep(until: deadline.instant)
                let missing = self.current.source == nil ? "no configuration arrived" : "host names were not resolved"
                throw MeshError(.notReady, origin: .local, message: "\(missing) in time")
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
            secrets.merge(part.secrets) { $1 }
            runtimeLayers = MeshResources(runtimeLayers: runtimeLayers + part.runtimeLayers).runtimeLayers
            ignored += part.ignored
        }
    }
}
