// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whose turn it is among entries whose weights change: the one with the earliest deadline, which then gets one that is later by
/// the inverse of its weight (Envoy's `EdfScheduler`). O(log n) an entry.
struct DeadlineSchedule: Sendable {
    private struct Entry {
        var deadline: Double
        /// Breaks ties: who came first goes first.
        var order: UInt64
        var index: Int

        func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? order < other.order : deadline < other.deadline
        }
    }

    /// A heap: an entry is before those at twice its place, and one and two further on.
    private var entries: [Entry]
    private var order: UInt64

    /// - Parameter weights: Each greater than 0.
    init(_ weights: [Double]) {
        entries = weights.enumerated().map { index, weight in
            Entry(deadline: 1 / weight, order: UInt64(index), index: index)
        }
        order = UInt64(weights.count)
        for position in entries.indices.reversed() { settle(from: position) }
    }

    /// The entry whose turn it is.
    /// - Parameters:
    ///   - isTaken: Whether the turn is taken: else it passes on to the next, and counts all the same.
    ///   - weight: What an entry weighs from now on; greater than 0.
    /// - Returns: `nil` if as many turns as there are entries passed.
    mutating func next(where isTaken: (Int) -> Bool, weight: (Int) -> Double) -> Int? {
        for _ in entries.indices {
            var entry = entries[0]
            // Times grow without end, and lose their fractions: they begin anew before that shows.
            if entry.deadline > 1e9 { rebase(by: entry.deadline); entry = entries[0] }
            let index = entry.index
            let isOfUse = isTaken(index)
            entry.deadline += 1 / weight(index)
            entry.order = order
            order &+= 1
            entries[0] = entry
            settle(from: 0)
            if isOfUse { return index }
        }
        return nil
    }

    private mutating func rebase(by span: Double) {
        for position in entries.indices { entries[position].deadline -= span }
    }

    /// Moves an entry down to where it belongs.
    private mutating func settle(from start: Int) {
        var position = start
        let entry = entries[start]
        while true {
            var child = 2 * position + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
            guard entries[child].isBefore(entry) else { break }
            entries[position] = entries[child]
            position = child
        }
        entries[position] = entry
    }
}
