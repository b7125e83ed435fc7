// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// The registry at work: the machine behind a lock, with a clock, telling who wants to know of every change.
final class ServiceRegistry: Sendable {
    /// All instances at one moment.
    struct Snapshot: Sendable {
        /// Differs from every other snapshot's of this process that holds other instances.
        var generation: UInt64
        /// The instances, by id.
        var registrations: [Registration]
    }

    let leaseDuration: Nanoseconds
    private let clock: any MeshClock
    private let changed: @Sendable () -> Void
    private let machine: Mutex<ServiceRegistryStateMachine>

    /// Creates an empty registry.
    /// - Parameter changed: Is called after every change, outside the lock.
    init(
        leaseDuration: Nanoseconds,
        maximumInstances: Int,
        clock: any MeshClock,
        changed: @escaping @Sendable () -> Void
    ) {
        self.leaseDuration = leaseDuration
        self.clock = clock
        self.changed = changed
        self.machine = Mutex(
            ServiceRegistryStateMachine(leaseDuration: leaseDuration, maximumInstances: maximumInstances)
        )
    }

    /// The instances of this moment.
    var snapshot: Snapshot {
        machine.withLock { machine in
            Snapshot(generation: machine.generation, registrations: machine.registrations.sorted { $0.id < $1.id })
        }
    }

    /// Counts changes of the instances.
    var generation: UInt64 { machine.withLock { $0.generation } }

    func register(_ registration: Registration, owner: Int) -> ServiceRegistryStateMachine.RegisterAction {
        mutate { $0.registered(registration, owner: owner, at: clock.now) }
    }

    func renew(
        _ id: String,
        owner: Int,
        state: Registration.State? = nil
    ) -> ServiceRegistryStateMachine.InstanceAction {
        mutate { $0.renewed(id, owner: owner, state: state, at: clock.now) }
    }

    func deregister(_ id: String, owner: Int) -> ServiceRegistryStateMachine.InstanceAction {
        mutate { $0.deregistered(id, owner: owner, at: clock.now) }
    }

    /// Removes instances when their leases end, until the task is cancelled.
    /// - Throws: `CancellationError` when it is.
    func run() async throws {
        while true {
            // Leases all have one length: none that begins while this sleeps ends before it wakes.
            let next = machine.withLock { $0.nextExpiry } ?? clock.now.advanced(by: leaseDuration)
            try await clock.sleep(until: next)
            _ = mutate { $0.expired(at: clock.now) }
        }
    }

    private func mutate<Action>(_ event: (inout ServiceRegistryStateMachine) -> Action) -> Action {
        let (action, hasChanged) = machine.withLock { machine in
            let before = machine.generation
            let action = event(&machine)
            return (action, machine.generation != before)
        }
        if hasChanged { changed() }
        return action
    }
}
