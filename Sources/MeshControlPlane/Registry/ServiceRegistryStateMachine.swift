// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which instances are there: each for as long as its lease is renewed.
///
/// A value without clock or lock: it takes facts with their instants. Every event first removes what has expired by
/// then, so that nobody can renew a lease that is over.
struct ServiceRegistryStateMachine: Sendable {
    private struct Entry {
        var registration: Registration
        var owner: Int
        var expiry: MeshInstant
    }

    /// Where an instance listens, as which service. Two instances cannot share that.
    private struct Place: Hashable {
        var service: String
        var namespace: String
        var endpoint: EndpointAddress

        init(_ registration: Registration) {
            self.service = registration.service
            self.namespace = registration.namespace
            self.endpoint = registration.endpoint
        }
    }

    /// What became of a registration.
    enum RegisterAction: Hashable {
        /// The instance is there, under a lease.
        case registered
        /// Another token's instance has this id.
        case refusedForeign
        /// Another token's instance listens there; that may end with its lease.
        case refusedOccupied
        /// There are as many instances as there may be.
        case refusedFull
    }

    /// What became of an event about an instance that should exist.
    enum InstanceAction: Hashable {
        /// It was done.
        case done
        /// There is no such instance, or its lease is over.
        case unknown
        /// The instance belongs to another token.
        case refusedForeign
    }

    private let leaseDuration: Nanoseconds
    private let maximumInstances: Int
    private var entries: [String: Entry] = [:]
    private var places: [Place: String] = [:]
    /// No lease ends before this instant, so that most events need not look at all of them.
    private var earliestExpiry = Deadline.never.instant

    /// Grows by one whenever an instance appears, changes or goes; mere renewals change nothing.
    private(set) var generation: UInt64 = 0

    init(leaseDuration: Nanoseconds, maximumInstances: Int) {
        self.leaseDuration = leaseDuration
        self.maximumInstances = maximumInstances
    }

    /// The instances whose leases have not been found over, in no particular order.
    var registrations: some Collection<Registration> { entries.values.lazy.map(\.registration) }

    /// How many instances there are.
    var count: Int { entries.count }

    /// When a lease may end: not later than the first one; `nil` without instances.
    var nextExpiry: MeshInstant? { entries.isEmpty ? nil : earliestExpiry }

    /// An instance registers, again or for the first time.
    ///
    /// Who listens where another instance of the same owner did takes its place: two processes cannot listen at one
    /// address, so the other one is dead and its lease just has not ended yet.
    mutating func registered(_ registration: Registration, owner: Int, at now: MeshInstant) -> RegisterAction {
        expired(at: now)
        if let present = entries[registration.id], present.owner != owner { return .refusedForeign }
        let place = Place(registration)
        let displaced = places[place].flatMap { $0 == registration.id ? nil : $0 }
        if let displaced, let other = entries[displaced], other.owner != owner { return .refusedOccupied }
        let isNew = entries[registration.id] == nil && displaced == nil
        guard !isNew || entries.count < maximumInstances else { return .refusedFull }

        let expiry = now.advanced(by: leaseDuration)
        let hasChanged = entries[registration.id]?.registration != registration || displaced != nil
        if let displaced { remove(displaced) }
        remove(registration.id)
        entries[registration.id] = Entry(registration: registration, owner: owner, expiry: expiry)
        earliestExpiry = min(earliestExpiry, expiry)
        places[place] = registration.id
        if hasChanged { generation += 1 }
        return .registered
    }

    /// An instance says that it is still there, and perhaps how it is.
    /// - Parameter state: Its state from now on; `nil` leaves it as it is.
    mutating func renewed(
        _ id: String,
        owner: Int,
        state: Registration.State? = nil,
        at now: MeshInstant
    ) -> InstanceAction {
        expired(at: now)
        guard let entry = entries[id] else { return .unknown }
        guard entry.owner == owner else { return .refusedForeign }
        entries[id]?.expiry = now.advanced(by: leaseDuration)
        if let state, state != entry.registration.state {
            entries[id]?.registration.state = state
            generation += 1
        }
        return .done
    }

    /// An instance says goodbye.
    mutating func deregistered(_ id: String, owner: Int, at now: MeshInstant) -> InstanceAction {
        expired(at: now)
        guard let entry = entries[id] else { return .unknown }
        guard entry.owner == owner else { return .refusedForeign }
        remove(id)
        generation += 1
        return .done
    }

    /// Time has passed: instances whose leases are over are gone.
    /// - Returns: Their ids, in order.
    @discardableResult
    mutating func expired(at now: MeshInstant) -> [String] {
        guard earliestExpiry <= now else { return [] }
        let gone = entries.filter { $0.value.expiry <= now }.keys.sorted()
        for id in gone { remove(id) }
        // Renewals only move leases back, so this stays a lower bound until the next look.
        earliestExpiry = entries.values.lazy.map(\.expiry).min() ?? Deadline.never.instant
        if !gone.isEmpty { generation += 1 }
        return gone
    }

    private mutating func remove(_ id: String) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        let place = Place(entry.registration)
        if places[place] == id { places[place] = nil }
    }

    /// What must hold after every event.
    func checkInvariants(at now: MeshInstant) -> Bool {
        entries.count <= maximumInstances && places.count == entries.count
            && places.allSatisfy { entries[$0.value].map { Place($0.registration) } == $0.key }
            && entries.values.allSatisfy { $0.expiry > now && $0.expiry >= earliestExpiry }
    }
}
