// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

@Suite struct ScalarSetTests {
    @Test func `ranges that overlap or touch become one`() {
        #expect(ScalarSet([5...9, 1...2, 3...4, 8...12, 20...20]).ranges == [1...12, 20...20])
        #expect(ScalarSet([0...ScalarSet.lastScalar, 5...6]) == .all)
    }

    @Test func `inverting twice gives the set back`() {
        for set in [ScalarSet(), .all, .word, .allButNewline, ScalarSet([0...0, 0x10FFFF...0x10FFFF])] {
            #expect(set.inverted().inverted() == set)
        }
        #expect(ScalarSet().inverted() == .all)
    }

    @Test func `membership follows the ranges`() {
        for value in UInt32(0)..<0x100 {
            #expect(ScalarSet.word.contains(value) == Assertion.isWord(UInt8(value)))
            #expect(ScalarSet.word.inverted().contains(value) != Assertion.isWord(UInt8(value)))
        }
    }

    /// The first and last scalars of each length of encoding, of each lead byte's range and around the surrogates.
    private static let edges: [UInt32] = [
        0x00, 0x7F, 0x80, 0xBF, 0xC0, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFFFF, 0x1_0000, 0x3_FFFF,
        0x4_0000, 0xF_FFFF, 0x10_0000, 0x10_FFFF,
    ]

    @Test func `a set compiled to bytes takes its members and nothing else`() throws {
        for (index, lower) in Self.edges.enumerated() {
            for upper in Self.edges[index...] {
                let range = "\\x{\(String(lower, radix: 16))}-\\x{\(String(upper, radix: 16))}"
                let inside = try RegularExpression("[\(range)]")
                let outside = try RegularExpression("[^\(range)]")
                for edge in Self.edges {
                    let input = String(try #require(Unicode.Scalar(edge)))
                    #expect(inside.matchesWhole(input) == (lower...upper ~= edge), "\(range) on \(edge)")
                    #expect(outside.matchesWhole(input) != (lower...upper ~= edge), "\(range) on \(edge)")
                }
            }
        }
    }

    @Test func `the class of all scalars has no ragged ends`() throws {
        // Four lead bytes' ranges, one instruction for them, one for each count of bytes to follow, and the match.
        #expect(try RegularExpression("(?s).").compiled.program.size == 9)
    }
}
