// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

@Suite struct RegularExpressionErrorTests {
    struct Row: Sendable, CustomStringConvertible {
        var pattern: String
        /// As `RegularExpressionError` describes itself.
        var error: String

        init(_ pattern: String, _ error: String) {
            self.pattern = pattern
            self.error = error
        }

        var description: String { pattern }
    }

    static let rows = [
        Row("(a", "missing ): ( at offset 0"), Row("a((b)", "missing ): ( at offset 1"),
        Row("a)", "unexpected ): ) at offset 1"), Row("(a))", "unexpected ): ) at offset 3"),
        Row("[a", "missing ]: [a at offset 0"), Row("é[]", "missing ]: [] at offset 2"),
        Row("[a-", "missing ]: [a- at offset 0"), Row("[a\\]", "missing ]: [a\\] at offset 0"),
        Row("[z-a]", "invalid character class range: z-a at offset 1"),
        Row("[[:foo:]]", "invalid character class range: [:foo:] at offset 1"),
        Row("a\\pX", "invalid character class range: \\pX at offset 1"),
        Row("\\p{Greek}", "invalid character class range: \\p{Greek} at offset 0"),
        Row("\\p{Foo}", "invalid character class range: \\p{Foo} at offset 0"),
        Row("\\p{L", "invalid character class range: \\p{L at offset 0"),
        Row("\\p", "invalid character class range: \\p at offset 0"),
        Row("\\p{Cn}", "invalid character class range: \\p{Cn} at offset 0"),
        Row("[a-\\d]", "invalid escape sequence: \\d at offset 3"),
        Row("[\\b]", "invalid escape sequence: \\b at offset 1"),
        Row("(a)\\1", "invalid escape sequence: \\1 at offset 3"),
        Row("\\8", "invalid escape sequence: \\8 at offset 0"),
        Row("\\C", "invalid escape sequence: \\C at offset 0"), Row("\\Z", "invalid escape sequence: \\Z at offset 0"),
        Row("\\é", "invalid escape sequence: \\é at offset 0"), Row("\\E", "invalid escape sequence: \\E at offset 0"),
        Row("\\x", "invalid escape sequence: \\x at offset 0"),
        Row("\\x1", "invalid escape sequence: \\x1 at offset 0"),
        Row("\\x{}", "invalid escape sequence: \\x{} at offset 0"),
        Row("\\x{110000}", "invalid escape sequence: \\x{110000 at offset 0"),
        Row("\\x{999999999999}", "invalid escape sequence: \\x{999999 at offset 0"),
        Row("a\\", "trailing \\ at offset 1"),
        Row("*a", "no argument for repetition operator: * at offset 0"),
        Row("a|*", "no argument for repetition operator: * at offset 2"),
        Row("(+)", "no argument for repetition operator: + at offset 1"),
        Row("{2}", "no argument for repetition operator: {2} at offset 0"),
        Row("(?i)*", "no argument for repetition operator: * at offset 4"),
        Row("a**", "bad repetition operator: ** at offset 1"), Row("a*??", "bad repetition operator: *?? at offset 1"),
        Row("a{2}{3}", "bad repetition operator: {2}{3} at offset 1"),
        Row("a{1001}", "invalid repetition size: {1001} at offset 1"),
        Row("a{1001,}", "invalid repetition size: {1001,} at offset 1"),
        Row("a{0,1001}", "invalid repetition size: {0,1001} at offset 1"),
        Row("a{3,2}", "invalid repetition size: {3,2} at offset 1"),
        Row("a{99999999999999999999}", "invalid repetition size: {99999999999999999999} at offset 1"),
        Row("(a{100}){11}", "invalid repetition size: {11} at offset 8"),
        Row("((a{1000}){1000})", "invalid repetition size: {1000} at offset 10"),
        Row("(((a{30}){30}){30})", "invalid repetition size: {30} at offset 14"),
        Row("(?z)", "invalid perl operator: (?z at offset 0"), Row("(?", "invalid perl operator: (? at offset 0"),
        Row("(?i-)", "invalid perl operator: (?i-) at offset 0"),
        Row("a(?=b)", "invalid perl operator: (?= at offset 1"),
        Row("(?!b)", "invalid perl operator: (?! at offset 0"),
        Row("(?<=b)", "invalid perl operator: (?<= at offset 0"),
        Row("(?<!b)", "invalid perl operator: (?<! at offset 0"),
        Row("(?>a)", "invalid perl operator: (?> at offset 0"),
        Row("(?P=n)", "invalid perl operator: (?P at offset 0"), Row("(?#c)", "invalid perl operator: (?# at offset 0"),
        Row("(?P<n", "invalid named capture group: (?P<n at offset 0"),
        Row("(?P<>a)", "invalid named capture group: (?P<> at offset 0"),
        Row("(?<a-b>c)", "invalid named capture group: (?<a-b> at offset 0"),
    ]

    @Test(arguments: rows)
    func `a malformed pattern is refused in RE2's words, with the offset`(row: Row) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(row.pattern) }
        #expect(error?.description == row.error)
    }

    @Test func `problems can be told apart`() {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression("é(") }
        #expect(error?.problem == .missingParenthesis)
        #expect(error?.problem != .missingBracket)
        #expect(error?.position == 2)
        #expect(error?.fragment == "(")
    }
}
