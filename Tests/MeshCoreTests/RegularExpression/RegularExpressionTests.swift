// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

@Suite struct RegularExpressionTests {
    struct Row: Sendable, CustomStringConvertible {
        var pattern: String
        var input: String
        /// The groups of a match of the whole input, then of the first match, as `Verdict` writes them.
        var verdict: String

        init(_ pattern: String, _ input: String, _ verdict: String) {
            self.pattern = pattern
            self.input = input
            self.verdict = verdict
        }

        var description: String { "\(pattern) on \(input.debugDescription)" }
    }

    private func check(_ row: Row) throws {
        #expect(Verdict(of: try RegularExpression(row.pattern), on: row.input).description == row.verdict)
    }

    static let basics = [
        Row("", "", "0:0;0:0"), Row("", "a", "-;0:0"), Row("abc", "abc", "0:3;0:3"), Row("abc", "xabcx", "-;1:4"),
        Row("a.c", "a\nc", "-;-"), Row("(?s)a.c", "a\nc", "0:3;0:3"), Row("a|b|", "c", "-;0:0"),
        Row("(a)(b)?", "a", "0:1,0:1,.;0:1,0:1,."), Row("(a|ab)(c|bcd)", "abcd", "0:4,0:1,1:4;0:4,0:1,1:4"),
        Row("(a|ab)(c|bcd)?", "abc", "0:3,0:2,2:3;0:1,0:1,."), Row("(?:a|b)+", "abba", "0:4;0:4"),
        Row("(?P<year>\\d{4})-(?<month>\\d\\d)", "2024-05", "0:7,0:4,5:7;0:7,0:4,5:7"),
        Row("/api/v[0-9]+/[^/]+", "/api/v12/users", "0:14;0:14"), Row("/api/v[0-9]+", "/api/v12/users", "-;0:8"),
    ]

    @Test(arguments: basics)
    func `literals, groups and alternation match as in Perl`(row: Row) throws { try check(row) }

    static let repetitions = [
        Row("a*", "aaa", "0:3;0:3"), Row("a*?", "aaa", "0:3;0:0"), Row("a+?", "aaa", "0:3;0:1"),
        Row("a??", "a", "0:1;0:0"), Row("a{2}", "aaa", "-;0:2"), Row("a{2,}", "aaa", "0:3;0:3"),
        Row("a{2,}?", "aaa", "0:3;0:2"), Row("a{0,2}", "aaa", "-;0:2"), Row("a{1,2}?", "aaa", "-;0:1"),
        Row("a{0}", "a", "-;0:0"), Row("a{,2}", "a{,2}", "0:5;0:5"), Row("a{", "a{", "0:2;0:2"),
        Row("(?U)a+", "aaa", "0:3;0:1"), Row("(?U)a+?", "aaa", "0:3;0:3"), Row("(?U:a+)a*", "aaa", "0:3;0:3"),
        Row("(a*)*", "aa", "0:2,0:2;0:2,0:2"), Row("(a*)+", "b", "-;0:0,0:0"), Row("(a|b)*", "ab", "0:2,1:2;0:2,1:2"),
        Row("(|a)*", "aa", "0:2,1:2;0:0,0:0"), Row("(|a)+", "aa", "0:2,1:2;0:0,0:0"), Row("^*", "a", "-;0:0"),
        Row("(?:a{2}){3}", "aaaaaa", "0:6;0:6"),
    ]

    @Test(arguments: repetitions)
    func `repetition is greedy unless it is marked lazy`(row: Row) throws { try check(row) }

    static let assertions = [
        Row("^a$", "a", "0:1;0:1"), Row("^a$", "a\n", "-;-"), Row("a$", "ba", "-;1:2"), Row("\\Aa\\z", "a", "0:1;0:1"),
        Row("^b", "a\nb", "-;-"), Row("(?m)^b", "a\nb", "-;2:3"), Row("(?m)a$", "a\nb", "-;0:1"),
        Row("(?m)^$", "a\n", "-;2:2"), Row("(?m)\\Ab", "a\nb", "-;-"), Row("\\bfoo\\b", "a foo b", "-;2:5"),
        Row("\\bfoo\\b", "afoo", "-;-"), Row("\\Boo\\b", "foo", "-;1:3"), Row("\\B", "ab", "-;1:1"),
        Row("\\b", "é", "-;-"), Row("a\\b", "aé", "-;0:1"), Row("\\B", "", "0:0;0:0"), Row("\\b", "", "-;-"),
        Row("a^b", "ab", "-;-"), Row("(?:^|x)a", "xa", "0:2;0:2"),
    ]

    @Test(arguments: assertions)
    func `assertions look at the bytes on both sides`(row: Row) throws { try check(row) }

    static let escapes = [
        Row(#"\n\t\r\f\v\a"#, "\n\t\r\u{0C}\u{0B}\u{07}", "0:6;0:6"), Row(#"\x41\x{42}\103"#, "ABC", "0:3;0:3"),
        Row(#"\x{1F600}"#, "😀", "0:4;0:4"), Row(#"\0\07"#, "\0\u{7}", "0:2;0:2"), Row(#"\08"#, "\u{0}8", "0:2;0:2"),
        Row(#"\.\*\-\_\/\ "#, ".*-_/ ", "0:6;0:6"), Row(#"\Qa.b*\Ec"#, "a.b*c", "0:5;0:5"),
        Row(#"\Q\\E"#, "\\", "0:1;0:1"),
        Row(#"\Qab\E*"#, "abb", "0:3;0:3"), Row(#"\Qa"#, "a", "0:1;0:1"), Row(#"\x{D800}"#, "\u{FFFD}", "-;-"),
    ]

    @Test(arguments: escapes)
    func `escapes stand for scalars`(row: Row) throws { try check(row) }

    static let classes = [
        Row("[a-c]+", "abcd", "-;0:3"), Row("[^a-c]", "\n", "0:1;0:1"), Row("[]a]+", "]a", "0:2;0:2"),
        Row("[^]a]", "]", "-;-"), Row("[a-]+", "a-", "0:2;0:2"), Row("[-a]+", "a-", "0:2;0:2"),
        Row("[a-b-d]+", "a-d", "0:3;0:3"), Row(#"[\d-z]+"#, "1-z", "0:3;0:3"), Row(#"[\]\\]+"#, "]\\", "0:2;0:2"),
        Row("[[:alpha:]_]+", "aZ_", "0:3;0:3"), Row("[[:^alpha:]]+", "a1 ", "-;1:3"),
        Row("[[:word:]]+", "a_1", "0:3;0:3"),
        Row("[[:alpha]]", "a]", "0:2;0:2"), Row("[[:space:]]", "\u{0B}", "0:1;0:1"), Row(#"\s"#, "\u{0B}", "-;-"),
        Row(#"\d\D\s\S\w\W"#, "1a a_-", "0:6;0:6"), Row(#"\w"#, "é", "-;-"), Row(#"[^\W\d]+"#, "a1b", "-;0:1"),
        Row("[é-€]", "ß", "-;-"), Row("[é-€]", "ñ", "0:2;0:2"), Row(#"[^\x00-\x{10FFFF}]"#, "a", "-;-"),
        Row(#"[\x61-\x{63}]+"#, "abc", "0:3;0:3"), Row("[[.a.]]", "a]", "0:2;0:2"),
    ]

    @Test(arguments: classes)
    func `classes hold ranges, names and escapes`(row: Row) throws { try check(row) }

    static let unicode = [
        Row(".", "é", "0:2;0:2"), Row(".", "😀", "0:4;0:4"), Row("..", "e\u{301}", "0:3;0:3"),
        Row(".", "e\u{301}", "-;0:1"),
        Row(#"\pL+"#, "aéЖ中", "0:8;0:8"), Row(#"\p{Lu}"#, "É", "0:2;0:2"), Row(#"\PL"#, "1", "0:1;0:1"),
        Row(#"\p{^L}"#, "a", "-;-"), Row(#"\P{^L}"#, "a", "0:1;0:1"), Row(#"[\p{Nd}x]+"#, "٣x", "0:3;0:3"),
        Row(#"\p{Any}"#, "\n", "0:1;0:1"), Row("é?", "", "0:0;0:0"), Row("\u{1F1E9}\u{1F1EA}", "🇩🇪", "0:8;0:8"),
        Row("\\B", "aéa", "-;-"), Row("x*", "é", "-;0:0"),
    ]

    @Test(arguments: unicode)
    func `one scalar is the unit, never a byte or a grapheme`(row: Row) throws { try check(row) }

    static let cases = [
        Row("(?i)abc", "aBC", "0:3;0:3"), Row("a(?i)b", "AB", "-;-"), Row("a(?i)b", "aB", "0:2;0:2"),
        Row("(?i:a)b", "Ab", "0:2;0:2"), Row("(?i:a)b", "AB", "-;-"), Row("(?i)a(?-i)b", "Ab", "0:2;0:2"),
        Row("(?i)a(?-i:b)c", "AbC", "0:3;0:3"), Row("(?i)[a-c]+", "aBC", "0:3;0:3"), Row("(?i)[^a]", "A", "-;-"),
        Row("(?i)k", "\u{212A}", "0:3;0:3"), Row("(?i)\\W", "ſ", "-;-"), Row("(?i)\\w", "ſ", "0:2;0:2"),
        Row("(?i)σ", "ς", "0:2;0:2"), Row("(?i)É", "é", "0:2;0:2"), Row("(?i)ß", "ẞ", "0:3;0:3"),
        Row("(?i)i", "İ", "-;-"),
        Row("(?i)i", "ı", "-;-"), Row("(?i)\\x41", "a", "0:1;0:1"), Row("(?i)\\Qa\\E", "A", "0:1;0:1"),
        Row("((?i)a)b", "AB", "-;-"), Row("(?is-m)A.", "a\n", "0:2;0:2"),
    ]

    @Test(arguments: cases)
    func `flags last to the end of their group`(row: Row) throws { try check(row) }

    @Test func `options set the flags that a pattern begins with`() throws {
        var options = RegularExpression.Options(isCaseInsensitive: true)
        #expect(try RegularExpression("abc", options: options).matchesWhole("ABC"))
        #expect(try !RegularExpression("(?-i)abc", options: options).matchesWhole("ABC"))
        options.dotMatchesNewline = true
        #expect(try RegularExpression("A.", options: options).matchesWhole("a\n"))
        #expect(try !RegularExpression("(?-s).", options: options).matchesWhole("\n"))
    }

    @Test func `expressions are equal if pattern and options are`() throws {
        let first = try RegularExpression("a+")
        #expect(first == (try RegularExpression("a+")))
        #expect(first.hashValue == (try RegularExpression("a+")).hashValue)
        #expect(first != (try RegularExpression("aa*")))
        #expect(first != (try RegularExpression("a+", options: RegularExpression.Options(isCaseInsensitive: true))))
        #expect(try RegularExpression("\u{E9}") != RegularExpression("e\u{301}"))
        #expect(first.description == "a+")
        #expect(try RegularExpression("(a)(?:b)(?<c>d)").captureGroupCount == 2)
    }

    @Test func `substrings match by their own bounds`() throws {
        let expression = try RegularExpression("^b+$")
        #expect(expression.matchesWhole("abbba".dropFirst().dropLast()))
        #expect(expression.matchesAnywhere("abbba".dropFirst().dropLast()))
        #expect(!expression.matchesAnywhere("abbba"))
    }

    @Test func `one expression serves many tasks at once`() async throws {
        // Too many states for a table, so that the simulation is what runs.
        let expression = try RegularExpression("(a|b)*a(a|b){12}")
        #expect(expression.compiled.automaton(for: .whole) == nil)
        let counts = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<100).count { index in
                        expression.matchesWhole(String(repeating: (task + index) % 2 == 0 ? "a" : "b", count: 20))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts == Array(repeating: 50, count: 8))
    }
}
