// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A length of encoding in UTF-8 with the scalars that have it.
struct EncodedLength {
    let trailingBytes: Int
    /// The bits of the lead byte that mark the length.
    let leadMarker: UInt8
    private let scalars: ClosedRange<UInt32>
    /// What to add at either end of a range that reaches the first or last scalar of this length.
    private let slack: (below: UInt32, above: UInt32)

    /// All lengths, so that lead bytes ascend.
    static let all = [
        EncodedLength(trailingBytes: 0, leadMarker: 0x00, scalars: 0...0x7F, slack: (0, 0)),
        EncodedLength(trailingBytes: 1, leadMarker: 0xC0, scalars: 0x80...0x7FF, slack: (0, 0)),
        EncodedLength(trailingBytes: 2, leadMarker: 0xE0, scalars: 0x800...0xFFFF, slack: (0x800, 0)),
        EncodedLength(trailingBytes: 3, leadMarker: 0xF0, scalars: 0x1_0000...0x10_FFFF, slack: (0x1_0000, 0x3_0000)),
    ]

    /// The parts of the set that have this length.
    ///
    /// Valid UTF-8 holds no surrogates, no overlong forms and nothing beyond the last scalar. So a range that reaches up
    /// to one of these may as well include it: then its bytes have no ragged ends, and the class of all scalars takes
    /// eight instructions and transitions in place of twenty-odd.
    func payloads(of set: ScalarSet) -> [ClosedRange<UInt32>] {
        var payloads: [ClosedRange<UInt32>] = []
        for range in set.ranges where range.overlaps(scalars) {
            var low = max(range.lowerBound, scalars.lowerBound)
            var high = min(range.upperBound, scalars.upperBound)
            if low == scalars.lowerBound { low -= slack.below }
            if high == scalars.upperBound { high += slack.above }
            // `payloads` is ascending, so a range that begins after the surrogates may join one that ends before them.
            if let last = payloads.last,
                Self.surrogates.contains(last.upperBound + 1), Self.surrogates.contains(low - 1)
            {
                payloads[payloads.count - 1] = last.lowerBound...high
            } else if Self.surrogates.contains(low), Self.surrogates.contains(high) {
                continue
            } else {
                payloads.append(low...high)
            }
        }
        return payloads
    }

    private static let surrogates: ClosedRange<UInt32> = 0xD800...0xDFFF
}
