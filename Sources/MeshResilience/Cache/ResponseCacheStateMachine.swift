// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// The answers that are kept: a dictionary into a slab whose entries are linked from the most to the least recently used.
package struct ResponseCacheStateMachine<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// What is known of a key.
    package enum Finding: Sendable {
        /// Nothing.
        case nothing
        /// An answer as good as new.
        case fresh(Value)
        /// An answer whose time is over.
        case stale(Value, mayAnswerAtOnce: Bool, mayAnswerFailure: Bool)
    }

    private struct Entry: Sendable {
        var key: Key
        var value: Value
        var cost: Int
        var storedAt: MeshInstant
        var newer: Int
        var older: Int
    }

    private static var none: Int { -1 }

    private let timeToLive: Nanoseconds
    private let answersAtOnceUntil: Nanoseconds
    private let answersFailureUntil: Nanoseconds
    private let maximumEntries: Int
    private let maximumCost: Int
    private var index: [Key: Int] = [:]
    private var entries: ContiguousArray<Entry?> = []
    private var free: [Int] = []
    private var newest = Self.none
    private var oldest = Self.none
    /// Grows with each invalidation: an answer that was asked for before one is not kept.
    package private(set) var epoch: UInt64 = 0
    /// What all answers cost together.
    package private(set) var cost = 0

    /// Creates an empty cache.
    package init(_ configuration: ResponseCacheConfiguration) {
        self.timeToLive = configuration.timeToLive
        let life = MeshInstant(nanoseconds: configuration.timeToLive.rawValue)
        self.answersAtOnceUntil = Nanoseconds(
            rawValue: life.advanced(by: configuration.staleWhileRevalidate).nanoseconds
        )
        self.answersFailureUntil = Nanoseconds(rawValue: life.advanced(by: configuration.staleIfError).nanoseconds)
        self.maximumEntries = configuration.maximumEntries
        self.maximumCost = configuration.maximumCost ?? .max
    }

    /// How many answers are kept.
    package var count: Int { index.count }

    /// An answer is looked for. One that is of no use any more is forgotten.
    /// - Complexity: O(1).
    package mutating func lookedUp(_ key: Key, at now: MeshInstant) -> Finding {
        guard let position = index[key], let entry = entries[position] else { return .nothing }
        let age = now.elapsed(since: entry.storedAt)
        if age < timeToLive {
            unlink(position)
            linkAsNewest(position)
            return .fresh(entry.value)
        }
        let (mayAnswerAtOnce, mayAnswerFailure) = (age < answersAtOnceUntil, age < answersFailureUntil)
        guard mayAnswerAtOnce || mayAnswerFailure else {
            remove(position)
            return .nothing
        }
        return .stale(entry.value, mayAnswerAtOnce: mayAnswerAtOnce, mayAnswerFailure: mayAnswerFailure)
    }

    /// An answer has come. One that costs more than everything together may, or was asked for in an older epoch, is not kept.
    /// - Complexity: O(1) and O(answers that make room for it).
    package mutating func answered(_ key: Key, _ value: Value, cost: Int, askedIn epoch: UInt64, at now: MeshInstant) {
        guard epoch == self.epoch else { return }
        if let position = index[key] { remove(position) }
        let cost = max(cost, 0)
        guard cost <= maximumCost else { return }
        while count >= maximumEntries || self.cost > maximumCost - cost { remove(oldest) }
        let entry = Entry(
            key: key,
            value: value,
            cost: cost,
            storedAt: now,
            newer: Self.none,
            older: Self.none
        )
        let position = free.popLast() ?? entries.count
        if position == entries.count { entries.append(entry) } else { entries[position] = entry }
        index[key] = position
        self.cost += cost
        linkAsNewest(position)
    }

    /// An answer has come that is not to be kept: the one that is kept is out of date. One that was asked for in an older
    /// epoch knows nothing of what has been kept since.
    package mutating func superseded(_ key: Key, askedIn epoch: UInt64) {
        guard epoch == self.epoch, let position = index[key] else { return }
        remove(position)
    }

    /// What is known of a key is wrong by now.
    package mutating func invalidated(_ key: Key) {
        epoch &+= 1
        if let position = index[key] { remove(position) }
    }

    /// All that is known is wrong by now.
    package mutating func invalidatedAll() {
        epoch &+= 1
        index = [:]
        entries = []
        free = []
        newest = Self.none
        oldest = Self.none
        cost = 0
    }

    /// The keys from the most to the least recently used, for tests.
    package var keysByUse: [Key] {
        var keys: [Key] = []
        var position = newest
        while position != Self.none, let entry = entries[position] {
            keys.append(entry.key)
            position = entry.older
        }
        return keys
    }

    private mutating func remove(_ position: Int) {
        guard position != Self.none, let entry = entries[position] else { return }
        unlink(position)
        index[entry.key] = nil
        entries[position] = nil
        free.append(position)
        cost -= entry.cost
    }

    private mutating func unlink(_ position: Int) {
        guard let entry = entries[position] else { return }
        if entry.newer == Self.none { newest = entry.older } else { entries[entry.newer]?.older = entry.older }
        if entry.older == Self.none { oldest = entry.newer } else { entries[entry.older]?.newer = entry.newer }
    }

    private mutating func linkAsNewest(_ position: Int) {
        entries[position]?.newer = Self.none
        entries[position]?.older = newest
        if newest == Self.none { oldest = position } else { entries[newest]?.newer = position }
        newest = position
    }
}
