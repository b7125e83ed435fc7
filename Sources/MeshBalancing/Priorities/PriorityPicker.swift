// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Picks a priority by its load, a place of it by its weight or by where the caller is, and an endpoint there by the
/// cluster's policy.
///
/// What is picked from is made with the picker, and made anew when the health of an endpoint changes: by the signal's
/// `TableRenewal` if that takes long, and otherwise by the first request that comes afterwards. Meanwhile the others go on
/// with what there was, passing over whoever is ejected.
public final class PriorityPicker: EndpointPicker {
    /// What is picked from while no endpoint's health changes.
    private final class Table: Sendable {
        let load: PriorityLoad
        /// What each priority has to offer, for aggregates of several pickers.
        let availability: [PriorityLoad.Availability]
        let changes: UInt64
        let validUntil: UInt64
        /// By priority, its healthy endpoints, or all of them in panic; `nil` if there are none.
        let healthy: [(any EndpointPicker)?]
        let degraded: [(any EndpointPicker)?]
        /// The only picker that anything goes to; `nil` if there are several.
        let only: (any EndpointPicker)?

        init(
            _ load: PriorityLoad,
            availability: [PriorityLoad.Availability],
            changes: UInt64,
            validUntil: UInt64,
            healthy: [(any EndpointPicker)?],
            degraded: [(any EndpointPicker)?]
        ) {
            self.load = load
            self.availability = availability
            self.changes = changes
            self.validUntil = validUntil
            self.healthy = healthy
            self.degraded = degraded
            let whole = load.healthy.firstIndex(of: 100)
            only = whole.flatMap { load.panics[$0] ? nil : healthy[$0] }
        }
    }

    private let groups: [PriorityGroup]
    private let policy: any LoadBalancingPolicy
    /// How the priorities share the traffic.
    public let settings: BalancingSettings
    /// Those of all priorities, whatever their health.
    public let endpoints: [EndpointState]
    private let signal: ClusterSignal
    private let random: MeshRandom
    private let tables: HealthTables<Table>

    /// Creates a picker.
    /// - Parameters:
    ///   - groups: The priorities, best first.
    ///   - signal: The one that the endpoints were made with.
    ///   - now: When it is made.
    public init(
        _ groups: [PriorityGroup],
        policy: any LoadBalancingPolicy,
        settings: BalancingSettings,
        signal: ClusterSignal,
        random: MeshRandom,
        at now: MeshInstant
    ) {
        self.groups = groups
        self.policy = policy
        self.settings = settings
        self.endpoints = groups.flatMap(\.endpoints)
        self.signal = signal
        self.random = random
        let isLarge = policy.makesTables || endpoints.count >= TableRenewal.manyEndpoints
        self.tables = HealthTables(renewal: isLarge ? signal.renewal : nil, at: now) {
            Self.makeTable(of: groups, policy, settings, signal, random, at: $0)
        }
        if isLarge { signal.add(tables) }
    }

    /// Picks an endpoint.
    /// - Returns: `nil` if there is none that may be used.
    public func pick(for request: borrowing PickRequest) -> EndpointState? {
        let table = table(at: request.now)
        if let only = table.only, request.avoidedPriorities == 0, request.priority == nil {
            return only.pick(for: request)
        }
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

    /// What each priority has to offer now.
    func availability(at now: MeshInstant) -> [PriorityLoad.Availability] {
        table(at: now).availability
    }

    /// Until when that holds if nobody's health changes, in nanoseconds of the mesh's clock.
    func validUntil(at now: MeshInstant) -> UInt64 {
        table(at: now).validUntil
    }

    /// How many changes of its endpoints' health it knows of.
    func changes(at now: MeshInstant) -> UInt64 {
        table(at: now).changes
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
        let choice = request.priority ?? load.choice(for: number)
        guard groups.indices.contains(choice.priority) else { return nil }
        let inner = PickRequest(
            at: request.now,
            excluding: request.excluded,
            hash: policy.picksByHash ? number : nil,
            overlooksEjections: load.panics[choice.priority]
        )
        return (choice.kind == .healthy ? table.healthy : table.degraded)[choice.priority]?.pick(for: inner)
    }

    @inline(__always)
    private func table(at now: MeshInstant) -> Table {
        tables.contents(after: signal.count, at: now)
    }

    private static func makeTable(
        of groups: [PriorityGroup],
        _ policy: any LoadBalancingPolicy,
        _ settings: BalancingSettings,
        _ signal: ClusterSignal,
        _ random: MeshRandom,
        at now: MeshInstant
    ) -> HealthTable<Table> {
        // Before the endpoints are looked at: what changes meanwhile makes another table.
        let changes = signal.count
        var review = HealthReview(at: now, priorities: settings.priorities)
        let availability = groups.map { review.availability(of: $0, factor: Int(settings.overprovisioningFactor)) }
        let load: PriorityLoad
        switch settings.priorities {
        case .spill:
            load = PriorityLoad(
                availability,
                overprovisioningFactor: Int(settings.overprovisioningFactor),
                panicThreshold: Int(settings.panicThreshold)
            )
        case .failover: load = PriorityLoad(failingOver: availability.map { $0.healthy > 0 })
        }
        let pickers = PlacePickers(policy: policy, settings: settings, random: random)
        let table = Table(
            load,
            availability: availability,
            changes: changes,
            validUntil: review.validUntil,
            healthy: groups.enumerated().map { priority, group in
                if load.panics[priority] { return pickers.inPanic(group) }
                return pickers.picker(over: group, isBest: priority == 0) { review.isHealthy($0) }
            },
            degraded: groups.map { group in
                pickers.picker(over: group, isBest: false) { review.isDegraded($0) }
            }
        )
        return HealthTable(contents: table, changes: changes, validUntil: review.validUntil)
    }
}
