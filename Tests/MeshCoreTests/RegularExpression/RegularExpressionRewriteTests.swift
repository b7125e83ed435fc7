// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct RegularExpressionRewriteTests {
    struct Row: Sendable {
        var pattern: String
        var rewrite: String
        var input: String
        var output: String

        init(_ pattern: String, _ rewrite: String, _ input: String, _ output: String) {
            self.pattern = pattern
            self.rewrite = rewrite
            self.input = input
            self.output = output
        }
    }

    // The first four are the examples of Envoy's `RouteAction.regex_rewrite`.
    static let rows = [
        Row("^/service/([^/]+)(/.*)$", #"\2/instance/\1"#, "/service/foo/v1/api", "/v1/api/instance/foo"),
        Row("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
        Row("^(.*?)one(.*)$", #"\1two\2"#, "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz"),
        Row("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"),
        Row("a", "b", "xyz", "xyz"), Row("a+", #"<\0>"#, "aabca", "<aa>bc<a>"), Row("a*", "-", "baac", "-b-c-"),
        Row("", "-", "aé", "-a-é-"), Row("x*", "-", "", "-"), Row("(a)|(b)", #"[\1|\2]"#, "ab", "[a|][|b]"),
        Row("a", #"\\"#, "aba", #"\b\"#), Row("b", "", "abc", "ac"), Row("^a", "b", "aaa", "baa"),
        Row("a|ab", "x", "ab", "xb"), Row("\\b", "|", "ab cd", "|ab| |cd|"), Row("(?m)$", ";", "a\nb", "a;\nb;"),
        Row("é", "e", "éaé", "eae"), Row(".", "😀", "aé", "😀😀"), Row("\\B", "-", "aéa", "aéa"),
    ]

    @Test(arguments: rows)
    func `every match is replaced, as RE2's GlobalReplace does`(row: Row) throws {
        let expression = try RegularExpression(row.pattern)
        #expect(try expression.replacingAll(in: row.input, with: row.rewrite) == row.output)
        let rewrite = try RegularExpression.Rewrite(row.rewrite, for: expression)
        #expect(expression.replacingAll(in: row.input[...], with: rewrite) == row.output)
    }

    @Test(arguments: [
        (#"a\"#, RegularExpressionError.Problem.trailingRewriteBackslash, 1), (#"ab\x"#, .invalidRewriteEscape, 2),
        (#"\1\2"#, .missingRewriteGroup, 2), (#"\9"#, .missingRewriteGroup, 0),
    ])
    func `a rewrite that cannot be carried out is refused`(
        text: String,
        problem: RegularExpressionError.Problem,
        position: Int
    ) throws {
        let expression = try RegularExpression("(a)")
        let error = try #require(throws: RegularExpressionError.self) {
            try RegularExpression.Rewrite(text, for: expression)
        }
        #expect(error.problem == problem)
        #expect(error.position == position)
        #expect(throws: error) { try expression.replacingAll(in: "a", with: text) }
    }

    @Test func `a rewrite made for another expression leaves missing groups empty`() throws {
        let rewrite = try RegularExpression.Rewrite(#"<\2>"#, for: try RegularExpression("(a)(b)"))
        #expect(try RegularExpression("x").replacingAll(in: "axb", with: rewrite) == "a<>b")
        #expect(rewrite.description == #"<\2>"#)
    }
}
