// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The ascending lists of candidates that one request leads to, merged while they are read.
struct CandidateLists: ~Copyable {
    /// What is left of a list.
    private struct Cursor {
        var next: Int32
        let end: Int32
    }

    /// How many lists there may be: 8 bytes each, on the stack.
    private static let capacity = 100

    private let cursors: UnsafeMutableBufferPointer<Cursor>
    private var count = 0
    /// Whether there were more lists than fit.
    private(set) var isIncomplete = false

    private init(_ cursors: UnsafeMutableBufferPointer<Cursor>) {
        self.cursors = cursors
    }

    /// Runs `body` on no lists at all, to which it adds.
    @inline(__always)
    static func withNone<Result>(_ body: (inout CandidateLists) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: Cursor.self, capacity: capacity) { cursors in
            var lists = CandidateLists(cursors)
            return body(&lists)
        }
    }

    /// Adds a list: a range of an array of numbers.
    @inline(__always)
    mutating func add(_ range: Range<Int>) {
        if range.isEmpty { return }
        guard count < cursors.count else {
            isIncomplete = true
            return
        }
        cursors[count] = Cursor(
            next: Int32(truncatingIfNeeded: range.lowerBound),
            end: Int32(truncatingIfNeeded: range.upperBound)
        )
        count &+= 1
    }

    /// The lowest number of all lists that is accepted.
    /// - Complexity: O(numbers up to that one × lists).
    @inline(__always)
    mutating func first(in order: UnsafeBufferPointer<Int32>, where accepts: (Int) -> Bool) -> Int? {
        while true {
            var best = -1
            var lowest = Int32.max
            var position = 0
            while position < count {
                let cursor = cursors[position]
                if cursor.next < cursor.end {
                    let number = order[Int(truncatingIfNeeded: cursor.next)]
                    if number < lowest { (best, lowest) = (position, number) }
                }
                position &+= 1
            }
            guard best >= 0 else { return nil }
            if accepts(Int(lowest)) { return Int(lowest) }
            cursors[best].next &+= 1
        }
    }
}
