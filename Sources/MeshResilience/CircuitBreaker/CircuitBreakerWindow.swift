// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The calls that a breaker looks back on, by time or by number: a ring that is allocated once, and its running sums.
struct CircuitBreakerWindow: Sendable {
    struct Sums: Hashable, Sendable {
        var calls = 0
        var failures = 0
        var slow = 0

        mutating func add(failed: Bool, slow isSlow: Bool) {
            calls &+= 1
            failures &+= failed ? 1 : 0
            slow &+= isSlow ? 1 : 0
        }

        mutating func subtract(_ other: Sums) {
            calls &-= other.calls
            failures &-= other.failures
            slow &-= other.slow
        }
    }

    /// Nobody's window is exact below this; Linkerd's bucket has the same floor.
    private static let narrowestBucket: UInt64 = 1_000_000
    private static let failedMark: UInt8 = 1
    private static let slowMark: UInt8 = 2

    /// The sums when a call was last added; `sums(at:)` knows what time has taken away since.
    private(set) var sums = Sums()

    /// By time: the sums of each bucket. Empty otherwise.
    private var buckets: [Sums]
    private let width: UInt64
    private var bucketEnd: UInt64
    /// By number: one mark a call. Empty otherwise.
    private var marks: [UInt8]
    private var filled = 0
    /// The bucket in use, or the mark that is written next.
    private var position = 0

    init(_ configuration: CircuitBreakerConfiguration, at now: MeshInstant) {
        if let calls = configuration.callWindow {
            self.marks = Array(repeating: 0, count: max(calls, 1))
            self.buckets = []
            self.width = .max
        } else if configuration.window == .forever {
            self.marks = []
            self.buckets = []
            self.width = .max
        } else {
            let count = max(configuration.buckets, 1)
            self.marks = []
            self.buckets = Array(repeating: Sums(), count: count)
            self.width = max(configuration.window.rawValue / UInt64(count), Self.narrowestBucket)
        }
        self.bucketEnd = now.advanced(by: Nanoseconds(rawValue: width)).nanoseconds
    }

    /// What `add` does for a call that neither failed nor was slow.
    @inline(__always)
    mutating func addSuccess(at now: MeshInstant) {
        guard marks.isEmpty else { return add(failed: false, slow: false, at: now) }
        if now.nanoseconds >= bucketEnd { turn(at: now) }
        if !buckets.isEmpty { buckets[position].calls &+= 1 }
        sums.calls &+= 1
    }

    mutating func add(failed: Bool, slow: Bool, at now: MeshInstant) {
        if marks.isEmpty {
            if now.nanoseconds >= bucketEnd { turn(at: now) }
            if !buckets.isEmpty { buckets[position].add(failed: failed, slow: slow) }
        } else {
            if filled == marks.count {
                let oldest = marks[position]
                sums.calls &-= 1
                sums.failures &-= oldest & Self.failedMark != 0 ? 1 : 0
                sums.slow &-= oldest & Self.slowMark != 0 ? 1 : 0
            } else {
                filled &+= 1
            }
            marks[position] = (failed ? Self.failedMark : 0) | (slow ? Self.slowMark : 0)
            position = position &+ 1 == marks.count ? 0 : position &+ 1
        }
        sums.add(failed: failed, slow: slow)
    }

    /// The sums as of an instant.
    /// - Complexity: O(buckets that are over since the last call).
    func sums(at now: MeshInstant) -> Sums {
        guard !buckets.isEmpty, now.nanoseconds >= bucketEnd, bucketEnd != .max else { return sums }
        let steps = stepsBehind(now)
        guard steps < UInt64(buckets.count) else { return Sums() }
        var rest = sums
        for step in 1...Int(steps) { rest.subtract(buckets[(position + step) % buckets.count]) }
        return rest
    }

    /// Forgets every call; the first bucket begins now.
    mutating func empty(at now: MeshInstant) {
        sums = Sums()
        filled = 0
        position = 0
        for index in buckets.indices { buckets[index] = Sums() }
        bucketEnd = now.advanced(by: Nanoseconds(rawValue: width)).nanoseconds
    }

    private func stepsBehind(_ now: MeshInstant) -> UInt64 {
        let (steps, overflow) = ((now.nanoseconds - bucketEnd) / width).addingReportingOverflow(1)
        return overflow ? .max : steps
    }

    /// Makes room for the bucket of `now`. Apart from `add`, which comes by on every call and mostly not here.
    @inline(never)
    private mutating func turn(at now: MeshInstant) {
        // At the end of time there is no next bucket.
        guard !buckets.isEmpty, bucketEnd != .max else { return }
        let steps = stepsBehind(now)
        guard steps < UInt64(buckets.count) else {
            // Beginning anew with this instant, not at a multiple of the width, makes one bucket gobreaker's interval.
            empty(at: now)
            return
        }
        for _ in 0..<Int(steps) {
            position = position + 1 == buckets.count ? 0 : position + 1
            sums.subtract(buckets[position])
            buckets[position] = Sums()
        }
        let (turned, overflow) = bucketEnd.addingReportingOverflow(steps &* width)
        bucketEnd = overflow ? .max : turned
    }
}
