// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Latencies of the last while, counted in steps of about 3 %: 32 steps to each power of two above 32 µs.
///
/// Time is cut in slices; the oldest is forgotten as a whole, and the sum of all is kept as they come and go, so that
/// adding costs two increments and a percentile one walk. Memory is fixed: 545 counters a slice up to 2 s.
struct SlidingLatencyHistogram: Sendable {
    private static let steps = 32

    private let sliceWidth: UInt64
    private let top: Int
    private var slices: [[UInt32]]
    private var total: [UInt32]
    private var current = 0
    private var sliceNumber: UInt64
    /// How many latencies are kept.
    private(set) var count = 0

    init(highest: Nanoseconds, slices: Int, sliceWidth: Nanoseconds, at now: MeshInstant) {
        self.sliceWidth = max(sliceWidth.rawValue, 1)
        self.top = Self.step(of: highest) + 1
        self.slices = Array(repeating: Array(repeating: 0, count: top + 1), count: max(slices, 1))
        self.total = Array(repeating: 0, count: top + 1)
        self.sliceNumber = now.nanoseconds / self.sliceWidth
    }

    /// - Complexity: O(1) within a slice.
    mutating func add(_ latency: Nanoseconds, at now: MeshInstant) {
        forgetOldSlices(at: now)
        let step = min(Self.step(of: latency), top)
        // A counter that is full stays full; what it says is the same.
        guard total[step] < .max else { return }
        slices[current][step] += 1
        total[step] += 1
        count += 1
    }

    mutating func forgetOldSlices(at now: MeshInstant) {
        let number = now.nanoseconds / sliceWidth
        guard number > sliceNumber else { return }
        for _ in 0..<min(number - sliceNumber, UInt64(slices.count)) {
            current = (current + 1) % slices.count
            for step in 0...top where slices[current][step] > 0 {
                total[step] -= slices[current][step]
                count -= Int(slices[current][step])
                slices[current][step] = 0
            }
        }
        sliceNumber = number
    }

    /// The latency that the share `percentile` of all stays within, rounded up to its step; `nil` above the highest.
    /// - Complexity: O(steps).
    func value(at percentile: Double) -> Nanoseconds? {
        let wanted = max(Int((percentile * Double(count)).rounded(.up)), 1)
        var seen = 0
        for step in 0..<top {
            seen += Int(total[step])
            if seen >= wanted { return Self.upperBound(of: step) }
        }
        return nil
    }

    static func step(of latency: Nanoseconds) -> Int {
        let microseconds = latency.rawValue / 1000
        guard microseconds >= UInt64(steps) else { return Int(microseconds) }
        let exponent = 63 - microseconds.leadingZeroBitCount
        return (exponent - 4) * steps + Int(microseconds >> UInt64(exponent - 5)) & (steps - 1)
    }

    static func upperBound(of step: Int) -> Nanoseconds {
        guard step >= steps else { return Nanoseconds(rawValue: UInt64(step + 1) * 1000) }
        let exponent = step / steps + 4
        let microseconds = UInt64(steps + step % steps + 1) << UInt64(exponent - 5)
        let (nanoseconds, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
        return Nanoseconds(rawValue: overflow ? .max : nanoseconds)
    }
}
