// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A rate limit for each key. Keys stand in a list by when they were used last.
///
/// A new key that finds no room takes that of the least recently used one if that one's limit is whole again, so that
/// nothing is forgotten; otherwise it shares one limit with all keys that found none. Whoever floods it with new keys
/// can therefore neither grow it nor win back what a key has used up; what the flood gets is one key's rate.
public struct KeyedRateLimitStateMachine<Key: Hashable & Sendable>: Sendable {
    private struct Entry {
        var key: Key
        var limit: RateLimitStateMachine
        var newer: Int
        var older: Int
    }

    /// A turn, and whose limit it came from.
    public struct Answer: Hashable, Sendable {
        /// The turn.
        public var turn: RateLimitStateMachine.Answer
        /// Whether it came from the limit that keys without room share.
        public var isShared: Bool
    }

    private static var none: Int { -1 }

    private let configuration: KeyedRateLimitConfiguration
    private var places: [Key: Int] = [:]
    private var entries: [Entry] = []
    private var newest = -1
    private var oldest = -1
    private var shared: RateLimitStateMachine

    /// Creates limits that nobody has used.
    public init(_ configuration: KeyedRateLimitConfiguration, at now: MeshInstant) {
        self.configuration = configuration
        self.shared = RateLimitStateMachine(configuration.limit, at: now)
    }

    /// How many keys are remembered.
    public var count: Int { entries.count }

    /// Permits are wanted for a key.
    /// - Complexity: O(1) on average; memory grows only with a key that is new.
    public mutating func permitsWanted(
        _ permits: Int = 1,
        for key: Key,
        at now: MeshInstant,
        until latest: MeshInstant
    ) -> Answer {
        guard let place = places[key] ?? makePlace(for: key, at: now) else {
            return Answer(turn: shared.permitsWanted(permits, at: now, until: latest), isShared: true)
        }
        makeNewest(place)
        return Answer(turn: entries[place].limit.permitsWanted(permits, at: now, until: latest), isShared: false)
    }

    /// A call will not use its turn.
    public mutating func placeGivenBack(
        _ place: RateLimitPlace,
        for key: Key,
        isShared: Bool,
        at now: MeshInstant
    ) {
        if isShared { return shared.placeGivenBack(place, at: now) }
        // A key with a turn outstanding is not idle and keeps its room, unless the turn was long ago.
        guard let position = places[key] else { return }
        entries[position].limit.placeGivenBack(place, at: now)
    }

    /// The permits of a key that are there now.
    public func available(for key: Key, at now: MeshInstant) -> Int {
        if let place = places[key] { return entries[place].limit.available(at: now) }
        let hasRoom = entries.count < configuration.maximumKeys
        return hasRoom
            ? RateLimitStateMachine(configuration.limit, at: now).available(at: now) : shared.available(at: now)
    }

    private mutating func makePlace(for key: Key, at now: MeshInstant) -> Int? {
        if entries.count < configuration.maximumKeys {
            let limit = RateLimitStateMachine(configuration.limit, at: now)
            entries.append(Entry(key: key, limit: limit, newer: Self.none, older: Self.none))
            places[key] = entries.count - 1
            linkNewest(entries.count - 1)
            return entries.count - 1
        }
        let place = oldest
        guard entries[place].limit.isIdle(at: now) else { return nil }
        places[entries[place].key] = nil
        places[key] = place
        entries[place].key = key
        entries[place].limit = RateLimitStateMachine(configuration.limit, at: now)
        return place
    }

    private mutating func makeNewest(_ place: Int) {
        guard place != newest else { return }
        let (newer, older) = (entries[place].newer, entries[place].older)
        if newer != Self.none { entries[newer].older = older }
        if older != Self.none { entries[older].newer = newer }
        if place == oldest { oldest = newer }
        linkNewest(place)
    }

    private mutating func linkNewest(_ place: Int) {
        entries[place].older = newest
        entries[place].newer = Self.none
        if newest != Self.none { entries[newest].newer = place }
        newest = place
        if oldest == Self.none { oldest = place }
    }
}
