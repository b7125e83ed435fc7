// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

@Suite struct CaseFoldingTests {
    private func variants(_ scalar: Unicode.Scalar) -> [UInt32] {
        var variants: [UInt32] = []
        CaseFolding.forEachVariant(of: scalar.value) { variants.append($0) }
        return variants
    }

    // From Unicode's CaseFolding.txt, status C and S.
    @Test(arguments: [
        ("a", "A"), ("A", "a"), ("k", "K\u{212A}"), ("S", "sſ"), ("1", ""), ("é", "É"), ("ß", "ẞ"), ("σ", "Σς"),
        ("\u{C5}", "\u{E5}\u{212B}"), ("\u{B5}", "\u{39C}\u{3BC}"), ("ǆ", "Ǆǅ"), ("İ", ""), ("ı", ""), ("ﬀ", ""),
        ("ᾳ", "ᾼ"), ("Ꭰ", "ꭰ"),
        ("𐐀", "𐐨"), ("中", ""),
    ])
    func `a scalar folds with those that CaseFolding.txt lists`(scalar: Unicode.Scalar, expected: String) {
        // Not as strings, which are equal if they differ in composition only.
        #expect(Set(variants(scalar)) == Set(expected.unicodeScalars.map(\.value)))
    }

    @Test func `the shortcut for ASCII agrees with the table`() {
        for value in UInt32(0)..<0x80 {
            var short: [UInt32] = []
            CaseFolding.forEachVariant(of: value) { short.append($0) }
            // A range that ends beyond ASCII takes the way through the table.
            var long: [UInt32] = []
            CaseFolding.forEachVariant(of: value...0x80) { long.append($0) }
            var rest: [UInt32] = []
            if value < 0x7F { CaseFolding.forEachVariant(of: (value + 1)...0x80) { rest.append($0) } }
            #expect(short == Array(long.prefix(long.count - rest.count)))
        }
    }

    @Test func `folding a set adds each variant and folding again adds none`() {
        for set in [ScalarSet([0x61...0x7A]), ScalarSet([0x370...0x3FF]), .all, .word] {
            let folded = set.caseFolded()
            #expect(folded.caseFolded() == folded)
            #expect(set.ranges.allSatisfy { folded.contains($0.lowerBound) && folded.contains($0.upperBound) })
        }
        #expect(ScalarSet([0x6B...0x6B]).caseFolded().ranges == [0x4B...0x4B, 0x6B...0x6B, 0x212A...0x212A])
    }
}
