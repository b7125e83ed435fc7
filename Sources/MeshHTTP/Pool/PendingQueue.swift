// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Requests that wait for a connection, in the order in which they came.
struct PendingQueue: Equatable {
    struct Entry: Equatable {
        var id: UInt64
        var loop: Int
        var deadline: Deadline
    }

    private var entries: [Entry] = []
    private var start = 0

    var count: Int { entries.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ entry: Entry) {
        entries.append(entry)
    }

    mutating func popFirst() -> Entry? {
        guard start < entries.count else { return nil }
        defer {
            start += 1
            if start * 2 > entries.count { compact() }
        }
        return entries[start]
    }

    /// The entry at a place in the queue.
    subscript(_ place: Int) -> Entry { entries[start + place] }

    /// - Complexity: O(waiting requests), which the endpoint's bound limits; only cancelled requests pay it.
    mutating func remove(_ id: UInt64) -> Bool {
        guard let index = entries[start...].firstIndex(where: { $0.id == id }) else { return false }
        entries.remove(at: index)
        return true
    }

    mutating func removeAll() -> [UInt64] {
        defer { self = PendingQueue() }
        return entries[start...].map(\.id)
    }

    /// Takes out the requests whose deadline has passed.
    mutating func removeExpired(at now: MeshInstant) -> [UInt64] {
        compact()
        let expired = entries.filter { $0.deadline.hasPassed(at: now) }.map(\.id)
        if !expired.isEmpty { entries.removeAll { $0.deadline.hasPassed(at: now) } }
        return expired
    }

    /// The earliest deadline of all; `nil` if none has one.
    var earliestDeadline: MeshInstant? {
        entries[start...].lazy.map(\.deadline).filter { !$0.isNever }.min()?.instant
    }

    private mutating func compact() {
        entries.removeFirst(start)
        start = 0
    }
}
