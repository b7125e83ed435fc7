// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Picks a priority by its load, a place of it by its weight, and an endpoint there by the cluster's policy.
///
/// What is picked from is made with the picker, and made anew when the health of an endpoint changes: the first request that comes
/// afterwards does that, while others go on with what there was, passing over whoever may not be used.
public final class PriorityPicker: EndpointPicker {
    /// What is picked from while no endpoint's health changes.
    private final class Table: Sendable {
        let load: PriorityLoad
        /// By priority, its healthy endpoints, or all of them in panic; `nil` if there are none.
        let healthy: [(any EndpointPicker)?]
        let degraded: [(any EndpointPicker)?]
        /// The only picker that anything goes to; `nil` if there are several.
        let only: (any EndpointPicker)?
        /// How many changes of health it knows of, and until when it holds.
        let changes: UInt64
        let validUntil: UInt64

        init(
            _ load: PriorityLoad,
            healthy: [(any EndpointPicker)?],
            degraded: [(any EndpointPicker)?],
            changes: UInt64,
            validUntil: UInt64
        ) {
            self.load = load
            self.healthy = healthy
            self.degraded = degraded
            let whole = load.healthy.firstIndex(of: 100)
            only = whole.flatMap { load.panics[$0] ? nil : healthy[$0] }
            self.changes = changes
            self.validUntil = validUntil
        }

        /// Whether it is what would be made now.
        @inline(__always)
        func holds(after changes: UInt64, at now: MeshInstant) -> Bool {
            self.changes == changes && now.nanoseconds < validUntil
        }
    }

    private let groups: [PriorityGroup]
    private let policy: any LoadBalancingPolicy
    /// How the priorities share the traffic.
    public let settings: BalancingSettings
    private let signal: HealthSignal
    private let random: MeshRandom
    /// The one that holds until the health of an endpoint changes: nobody has to lock anything to read it.
    private let first: Table
    private let table: Mutex<Table>
    /// Held by whoever makes a table.
    private let making = Mutex(())

    /// Creates a picker.
    /// - Parameters:
    ///   - groups: The priorities, best first.
    ///   - signal: The one that the endpoints were made with.
    ///   - now: When it is made.
    public init(
        _ groups: [PriorityGroup],
        policy: any LoadBalancingPolicy,
        settings: BalancingSettings,
        signal: HealthSignal,
        random: MeshRandom,
        at now: MeshInstant
    ) {
        self.groups = groups
        self.policy = policy
        self.settings = settings
        self.signal = signal
        self.random = random
        self.first = Self.makeTable(of: groups, policy, settings, signal, random, at: now)
        self.table = Mutex(first)
    }

    /// Picks an endpoint.
    /// - Returns: `nil` if there is none that may be used.
    public func pick(for request: borrowing PickRequest) -> EndpointState? {
        let table = table(at: request.now)
        if let only = table.only, request.avoidedPriorities == 0 { return only.pick(for: request) }
        return pick(from: table, for: request)
    }

    /// A further attempt of a request follows, which is to avoid the priorities of earlier ones.
    /// - Parameter frequency: After how many attempts what was tried is avoided; at least 1.
    public func advance(_ history: inout PriorityHistory, every frequency: Int, at now: MeshInstant) {
        history.advance(every: frequency)
        if history.avoided != 0, load(at: now).avoiding(history.avoided) == nil { history.forget() }
    }

    /// What each priority has of the traffic now.
    public func load(at now: MeshInstant) -> PriorityLoad {
        table(at: now).load
    }

    @inline(never)
    private func pick(from table: Table, for request: borrowing PickRequest) -> EndpointState? {
        guard !groups.isEmpty else { return nil }
        // Priorities are chosen by the hash, too, where the policy picks by it.
        let number = policy.picksByHash ? request.hash ?? random.next() : random.next()
        var load = table.load
        // Envoy's consistent balancers do not know of priorities that were tried.
        if request.avoidedPriorities != 0, !policy.picksByHash {
            load = load.avoiding(request.avoidedPriorities) ?? load
        }
        let (priority, kind) = load.choice(for: number)
        let inner = PickRequest(
            at: request.now,
            excluding: request.excluded,
            hash: policy.picksByHash ? number : nil,
            overlooksEjections: load.panics[priority]
        )
        return (kind == .healthy ? table.healthy : table.degraded)[priority]?.pick(for: inner)
    }

    @inline(__always)
    private func table(at now: MeshInstant) -> Table {
        first.holds(after: signal.count, at: now) ? first : laterTable(at: now)
    }

    @inline(never)
    private func laterTable(at now: MeshInstant) -> Table {
        let known = table.withLock { $0 }
        if known.holds(after: signal.count, at: now) { return known }
        let made = making.withLockIfAvailable { _ in
            // Somebody may just have made it.
            let known = table.withLock { $0 }
            if known.holds(after: signal.count, at: now) { return known }
            let made = Self.makeTable(of: groups, policy, settings, signal, random, at: now)
            table.withLock { $0 = made }
            return made
        }
        return made ?? known
    }

    private static func makeTable(
        of groups: [PriorityGroup],
        _ policy: any LoadBalancingPolicy,
        _ settings: BalancingSettings,
        _ signal: HealthSignal,
        _ random: MeshRandom,
        at now: MeshInstant
    ) -> Table {
        // Before the endpoints are looked at: what changes meanwhile makes another table.
        let changes = signal.count
        var validUntil = UInt64.max
        for endpoint in groups.flatMap(\.endpoints) {
            let until = endpoint.ejectedUntil.load(ordering: .relaxed)
            if until > now.nanoseconds { validUntil = min(validUntil, until) }
        }
        let load = PriorityLoad(
            groups.map { group in
                let endpoints = group.endpoints
                return PriorityLoad.Availability(
                    total: endpoints.count,
                    healthy: endpoints.count { $0.health == .healthy && !$0.isEjected(at: now) },
                    degraded: endpoints.count { $0.health == .degraded && !$0.isEjected(at: now) }
                )
            },
            overprovisioningFactor: Int(settings.overprovisioningFactor),
            panicThreshold: Int(settings.panicThreshold)
        )
        func picker(of group: PriorityGroup, where isUsable: (EndpointState) -> Bool) -> (any EndpointPicker)? {
            group.picker(by: policy, settings, random, where: isUsable)
        }
        return Table(
            load,
            healthy: groups.enumerated().map { priority, group in
                let panics = load.panics[priority]
                return picker(of: group) { panics || ($0.health == .healthy && !$0.isEjected(at: now)) }
            },
            degraded: groups.map { group in
                picker(of: group) { $0.health == .degraded && !$0.isEjected(at: now) }
            },
            changes: changes,
            validUntil: validUntil
        )
    }
}

extension PriorityGroup {
    /// A picker over the endpoints of a priority that may be used; `nil` if there are none.
    fileprivate func picker(
        by policy: any LoadBalancingPolicy,
        _ settings: BalancingSettings,
        _ random: MeshRandom,
        where isUsable: (EndpointState) -> Bool
    ) -> (any EndpointPicker)? {
        let usable = places.map { $0.endpoints.filter(isUsable) }
        guard usable.contains(where: { !$0.isEmpty }) else { return nil }
        guard isWeighted else { return policy.makePicker(usable.flatMap(\.self), random: random) }
        if policy.picksByHash {
            // One table for all: an endpoint's share of it is its own of its place's. Envoy does not heed there how many
            // of a place's endpoints are left.
            let weighted = zip(places, usable).filter { $0.0.weight != 0 && !$0.1.isEmpty }
            let sum = places.reduce(0) { $0 + Double($1.weight ?? 0) }
            let shares = weighted.map { place, usable in
                NormalizedWeights(usable).shares.map { $0 * Double(place.weight ?? 0) / sum }
            }
            return policy.makePicker(weighted.flatMap(\.1), shares: shares.flatMap(\.self), random: random)
        }
        let pickers = zip(places, usable).compactMap { place, usable -> (Double, any EndpointPicker)? in
            let weight = place.effectiveWeight(usable.count, factor: settings.overprovisioningFactor)
            return weight > 0 ? (weight, policy.makePicker(usable, random: random)) : nil
        }
        return pickers.isEmpty ? nil : pickers.count == 1 ? pickers[0].1 : PlacePicker(pickers, random: random)
    }
}

extension PriorityGroup.Place {
    /// The weight as far as the place's endpoints may be used (Envoy's locality-weighted balancing).
    func effectiveWeight(_ usable: Int, factor: UInt32) -> Double {
        guard !endpoints.isEmpty else { return 0 }
        let availability = min(1, Double(factor) / 100 * Double(usable) / Double(endpoints.count))
        return Double(weight ?? 0) * availability
    }
}
