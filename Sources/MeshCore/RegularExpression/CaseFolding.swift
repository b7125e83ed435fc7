// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Simple case folding: which scalars differ only by case.
///
/// The standard library offers case mappings, not Unicode's CaseFolding.txt. Two scalars fold together if lowering the
/// upper case of both gives the same scalar, where mappings to several scalars (`ß` to `SS`) count as none. With the
/// dotless i left out, this yields the classes of the file's simple foldings, but for three pairs of one letter encoded
/// twice (U+0390 and U+1FD3, U+03B0 and U+1FE3, U+FB05 and U+FB06), which it keeps apart.
enum CaseFolding {
    /// Calls `body` for the scalars outside of `scalar` itself that differ from it by case only.
    static func forEachVariant(of scalar: UInt32, _ body: (UInt32) -> Void) {
        forEachVariant(of: scalar...scalar, body)
    }

    /// Calls `body` for each scalar that differs only by case from one in `range`; some may lie in the range as well.
    static func forEachVariant(of range: ClosedRange<UInt32>, _ body: (UInt32) -> Void) {
        if range.upperBound < 0x80 {
            // Most patterns are ASCII; they need not pay for the table.
            for scalar in range {
                forEachVariant(ofASCII: scalar, body)
            }
            return
        }
        let classes = table
        var index = ScalarSet.firstIndex(in: classes.count) { classes[$0].scalar >= range.lowerBound }
        while index < classes.count, classes[index].scalar <= range.upperBound {
            for variant in classes[index].variants {
                body(variant)
            }
            index += 1
        }
    }

    private static func forEachVariant(ofASCII scalar: UInt32, _ body: (UInt32) -> Void) {
        switch scalar {
        case 0x41...0x5A: body(scalar + 0x20)
        case 0x61...0x7A: body(scalar - 0x20)
        default: return
        }
        switch scalar | 0x20 {
        case 0x6B: body(0x212A)  // Kelvin sign
        case 0x73: body(0x017F)  // long s
        default: break
        }
    }

    /// The scalars that have variants, in ascending order.
    private static let table: [(scalar: UInt32, variants: [UInt32])] = {
        var classes: [UInt32: [UInt32]] = [:]
        // No scalar beyond the second plane has a case.
        for value in UInt32(0)..<0x20000 {
            guard let scalar = Unicode.Scalar(value), scalar.properties.changesWhenCaseMapped else { continue }
            classes[folded(scalar).value, default: []].append(value)
        }
        var table: [(scalar: UInt32, variants: [UInt32])] = []
        for members in classes.values where members.count > 1 {
            for member in members {
                table.append((member, members.filter { $0 != member }))
            }
        }
        return table.sorted { $0.scalar < $1.scalar }
    }()

    private static func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        // The upper case of the dotless i is I, but it does not fold to i: that is a Turkic folding.
        if scalar == "\u{131}" { return scalar }
        let upper = single(scalar.properties.uppercaseMapping) ?? scalar
        return single(upper.properties.lowercaseMapping) ?? upper
    }

    private static func single(_ mapping: String) -> Unicode.Scalar? {
        let scalars = mapping.unicodeScalars
        guard let first = scalars.first, scalars.count == 1 else { return nil }
        return first
    }
}
