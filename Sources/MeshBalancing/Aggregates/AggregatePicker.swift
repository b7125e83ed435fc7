// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Picks one of several clusters whose priorities follow each other, and which of its priorities: Envoy's aggregate cluster,
/// gRPC's of gRFC A37.
///
/// The endpoint is picked by the cluster itself, with its own policy, limits and verdicts.
public final class AggregatePicker: Sendable {
    /// A cluster, and the priority that its endpoint is to be of.
    public struct Choice: Sendable {
        /// Which of the clusters.
        public var member: Int
        /// Where in that cluster.
        public var priority: PriorityLoad.Choice
        /// The priority among those of all clusters.
        public var number: Int
    }

    private struct Table {
        let load: PriorityLoad
        /// By priority of the aggregate, the cluster that it is of, and which of its own it is.
        let places: [(member: Int, priority: Int)]
    }

    private let members: [PriorityPicker]
    private let settings: BalancingSettings
    private let random: MeshRandom
    private let tables: HealthTables<Table>

    /// Creates a picker.
    /// - Parameters:
    ///   - members: The clusters' pickers, best first.
    ///   - settings: Of them the priorities' and the panic threshold; each cluster has its own overprovisioning factor.
    public init(
        _ members: [PriorityPicker],
        settings: BalancingSettings,
        random: MeshRandom,
        at now: MeshInstant
    ) {
        self.members = members
        self.settings = settings
        self.random = random
        self.tables = HealthTables(at: now) { Self.makeTable(of: members, settings, at: $0) }
    }

    /// Picks a cluster and a priority.
    /// - Returns: `nil` if there is none.
    public func choose(for request: borrowing PickRequest) -> Choice? {
        let table = table(at: request.now)
        guard !table.places.isEmpty else { return nil }
        var load = table.load
        if request.avoidedPriorities != 0 { load = load.avoiding(request.avoidedPriorities) ?? load }
        let choice = load.choice(for: request.hash ?? random.next())
        let place = table.places[choice.priority]
        return Choice(
            member: place.member,
            priority: PriorityLoad.Choice(priority: place.priority, kind: choice.kind),
            number: choice.priority
        )
    }

    /// What each priority has of the traffic now.
    public func load(at now: MeshInstant) -> PriorityLoad {
        table(at: now).load
    }

    /// A further attempt of a request follows, which is to avoid the priorities of earlier ones.
    /// - Parameter frequency: After how many attempts what was tried is avoided; at least 1.
    public func advance(_ history: inout PriorityHistory, every frequency: Int, at now: MeshInstant) {
        history.advance(every: frequency)
        if history.avoided != 0, load(at: now).avoiding(history.avoided) == nil { history.forget() }
    }

    private func table(at now: MeshInstant) -> Table {
        tables.contents(after: Self.changes(of: members, at: now), at: now)
    }

    /// Those that the members' tables know of: what they do not know yet, nobody here can heed.
    private static func changes(of members: [PriorityPicker], at now: MeshInstant) -> UInt64 {
        members.reduce(0) { $0 &+ $1.changes(at: now) }
    }

    private static func makeTable(
        of members: [PriorityPicker],
        _ settings: BalancingSettings,
        at now: MeshInstant
    ) -> HealthTable<Table> {
        let changes = changes(of: members, at: now)
        var availability: [PriorityLoad.Availability] = []
        var places: [(member: Int, priority: Int)] = []
        var validUntil = UInt64.max
        for (number, member) in members.enumerated() {
            let offer = member.availability(at: now)
            places += offer.indices.map { (number, $0) }
            availability += offer
            validUntil = min(validUntil, member.validUntil(at: now))
        }
        let load =
            switch settings.priorities {
            case .spill: PriorityLoad(availability, panicThreshold: Int(settings.panicThreshold))
            case .failover: PriorityLoad(failingOver: availability.map { $0.healthy > 0 })
            }
        return HealthTable(contents: Table(load: load, places: places), changes: changes, validUntil: validUntil)
    }
}
