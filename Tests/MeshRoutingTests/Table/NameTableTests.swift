// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshRouting

@Suite struct NameTableTests {
    @Test func `ASCII letters may be of either case, and no other letter`() {
        var table = NameTable()
        #expect(table.insert("Reviews.Default:9080", 1) == nil)
        #expect(table.insert("straße", 2) == nil)
        #expect(table.value(of: "reviews.default:9080") == 1)
        #expect(table.value(of: "REVIEWS.DEFAULT:9080") == 1)
        #expect(table.value(of: "STRAßE") == 2)
        #expect(table.value(of: "STRASSE") == nil)
        // The Kelvin sign, and the characters beside the letters, which differ from others by the same bit.
        #expect(table.insert("k", 3) == nil)
        #expect(table.value(of: "\u{212A}") == nil)
        #expect(table.insert("@[`{", 4) == nil)
        #expect(table.value(of: "`{@[") == nil)
    }

    @Test func `the first number of a name stays`() {
        var table = NameTable()
        #expect(table.insert("a", 1) == nil)
        #expect(table.insert("A", 2) == 1)
        #expect(table.value(of: "a") == 1)
    }

    @Test func `an empty table knows nothing, and the empty name is a name`() {
        var table = NameTable()
        #expect(table.value(of: "") == nil)
        #expect(table.insert("", 5) == nil)
        #expect(table.value(of: "") == 5)
        #expect(table.value(of: "\0") == nil)
    }

    @Test func `names that differ by zeros at their ends are different`() {
        var table = NameTable()
        for count in 0..<20 { #expect(table.insert(String(repeating: "\0", count: count), count) == nil) }
        for count in 0..<20 { #expect(table.value(of: String(repeating: "\0", count: count)) == count) }
    }

    @Test func `it agrees with a dictionary over 100 000 random names`() {
        var random = MeshRandom(seed: 11)
        var table = NameTable()
        var known: [String: Int] = [:]
        let letters = Array("abcXYZ09.-:@[`{é")
        for number in 0..<100_000 {
            let length = Int(random.below(number % 3 == 0 ? 4 : 24))
            let name = String((0..<length).map { _ in letters[Int(random.below(UInt64(letters.count)))] })
            let folded = String(decoding: name.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
            if Bool.random(using: &random) {
                #expect(table.value(of: name) == known[folded])
            } else {
                #expect(table.insert(name, number) == known[folded])
                if known[folded] == nil { known[folded] = number }
            }
        }
        #expect(known.count > 10_000)
        for (name, number) in known { #expect(table.value(of: name.uppercasedASCII) == number) }
    }
}

extension String {
    fileprivate var uppercasedASCII: String {
        String(decoding: utf8.map { (97...122).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
    }
}
