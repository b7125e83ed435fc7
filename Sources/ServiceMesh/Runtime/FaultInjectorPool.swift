// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// The fault injectors of the configuration before, so that a push neither prolongs a fault's time to live nor forgets
/// the calls that are held back.
struct FaultInjectorPool {
    /// The injectors of the new configuration, by their places. Routes that share a name have one place, in their
    /// order.
    private(set) var made: [String: [FaultInjector]] = [:]
    private let known: [String: [FaultInjector]]
    private let clock: any MeshClock
    private let random: MeshRandom
    private let observers: ObserverSet

    init(previous: RuntimeSnapshot, clock: any MeshClock, random: MeshRandom, observers: ObserverSet) {
        self.known = previous.faultInjectors
        self.clock = clock
        self.random = random
        self.observers = observers
    }

    /// The injector of a place in the configuration; observers hear of it by its name.
    mutating func injector(_ place: String, name: String, _ configuration: FaultConfiguration) -> FaultInjector {
        let position = made[place]?.count ?? 0
        let injector =
            if let before = known[place], position < before.count, before[position].configuration == configuration {
                before[position]
            } else {
                FaultInjector(
                    validated: configuration,
                    name: name,
                    observers: observers,
                    clock: clock,
                    random: random
                )
            }
        made[place, default: []].append(injector)
        return injector
    }
}
