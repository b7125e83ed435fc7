// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct StringMatcherTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var pattern: StringMatcher.Pattern
        var ignoresCase = false
        var accepted: [String]
        var refused: [String]
        var testDescription: String { "\(pattern)" }
    }

    static let rows: [Row] = [
        Row(pattern: .exact("abc"), accepted: ["abc"], refused: ["", "ab", "abcd", "ABC", "xabc"]),
        Row(pattern: .exact("AbC"), ignoresCase: true, accepted: ["abc", "ABC"], refused: ["abcd"]),
        Row(pattern: .exact("key"), ignoresCase: true, accepted: ["KEY"], refused: ["\u{212A}ey"]),
        Row(pattern: .exact("é"), accepted: ["é"], refused: ["e\u{301}", "É"]),
        Row(pattern: .exact("é"), ignoresCase: true, accepted: ["é"], refused: ["É"]),
        Row(pattern: .prefix("ab"), accepted: ["ab", "abc"], refused: ["a", "", "xab", "ABc"]),
        Row(pattern: .prefix("Ab"), ignoresCase: true, accepted: ["aBc"], refused: ["ba"]),
        Row(pattern: .prefix(""), accepted: ["", "x"], refused: []),
        Row(pattern: .suffix("bc"), accepted: ["bc", "abc"], refused: ["b", "", "bcx", "aBC"]),
        Row(pattern: .suffix("BC"), ignoresCase: true, accepted: ["abc"], refused: ["acb"]),
        Row(pattern: .contains("bc"), accepted: ["bc", "abcd", "bbc"], refused: ["b", "", "b c", "BC"]),
        Row(pattern: .contains("bc"), ignoresCase: true, accepted: ["aBCd"], refused: ["abd"]),
        Row(pattern: .contains(""), accepted: ["", "x"], refused: []),
    ]

    @Test(arguments: rows)
    func `a text is compared by its bytes`(row: Row) {
        let matcher = StringMatcher(row.pattern, ignoresCase: row.ignoresCase)
        for text in row.accepted { #expect(matcher.matches(text), "\(text)") }
        for text in row.refused { #expect(!matcher.matches(text), "\(text)") }
    }

    @Test func `a regular expression has to match the whole text`() throws {
        let matcher = StringMatcher(.regularExpression(try RegularExpression("a[0-9]+")))
        #expect(matcher.matches("a17"))
        #expect(!matcher.matches("a17b"))
        #expect(!matcher.matches("xa17"))
    }

    @Test func `part of a text is compared like a text of its own`() {
        #expect(StringMatcher(.exact("bc")).matches("abcd".dropFirst().dropLast()))
    }
}
