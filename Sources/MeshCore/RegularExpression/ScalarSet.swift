// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A set of Unicode scalar values, as ascending ranges that neither overlap nor touch.
struct ScalarSet: Sendable, Hashable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let lastScalar: UInt32 = 0x10FFFF

    static let all = ScalarSet([0...lastScalar])

    static let allButNewline = ScalarSet([0x0A...0x0A]).inverted()

    /// Creates a set of ranges in any order, which may overlap.
    init(_ ranges: [ClosedRange<UInt32>] = []) {
        self.ranges = ranges.sorted { $0.lowerBound < $1.lowerBound }
        var merged: [ClosedRange<UInt32>] = []
        for range in self.ranges {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    func contains(_ scalar: UInt32) -> Bool {
        let index = Self.firstIndex(in: ranges.count) { ranges[$0].upperBound >= scalar }
        return index < ranges.count && ranges[index].lowerBound <= scalar
    }

    func inverted() -> ScalarSet {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if next < range.lowerBound {
                gaps.append(next...(range.lowerBound - 1))
            }
            next = range.upperBound + 1
        }
        if next <= Self.lastScalar {
            gaps.append(next...Self.lastScalar)
        }
        return ScalarSet(gaps)
    }

    /// The set with every scalar that differs from a member only by case.
    func caseFolded() -> ScalarSet {
        var folded = ranges
        for range in ranges {
            CaseFolding.forEachVariant(of: range) { variant in folded.append(variant...variant) }
        }
        return folded.count == ranges.count ? self : ScalarSet(folded)
    }

    /// The first index for which a monotonic predicate holds, or `count`.
    static func firstIndex(in count: Int, where predicate: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(middle) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
