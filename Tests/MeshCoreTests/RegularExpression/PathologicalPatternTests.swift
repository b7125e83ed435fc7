// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshCore

/// Patterns and inputs that take a backtracking engine exponential time, counted in steps and not in seconds.
///
/// `Verdict` holds the steps of each engine against input length times program length.
@Suite struct PathologicalPatternTests {
    @Test(arguments: [
        ("(a*)*b", false), ("(a|aa)+$", true), ("(x+x+)+y", false), ("(a+)+$", true), ("(a|a)*b", false),
        ("(.*)*(.*)*(.*)*x", false), ("(a?){20}a{20}", true), ("((a*)*)*b", false), ("(a|b)*a(a|b){12}c", false),
        ("(?:a?){100}b", false),
    ])
    func `nested repetition costs a bounded number of steps a byte`(pattern: String, matches: Bool) throws {
        let expression = try RegularExpression(pattern)
        let input = String(repeating: pattern.contains("x+") ? "x" : "a", count: 2_000)
        #expect((Verdict(of: expression, on: input).search != nil) == matches)
    }

    @Test func `fifty thousand bytes are no more than fifty thousand times one byte`() throws {
        let expression = try RegularExpression("(a*)*b")
        let program = expression.compiled.program
        var input = String(repeating: "a", count: 50_000)
        var simulation = SetSimulation(program)
        let isMatch = input.withUTF8 { simulation.accepts($0, extent: .whole) }
        #expect(!isMatch)
        #expect(simulation.steps <= 50_001 * program.instructions.count)
        #expect(!expression.matchesWhole(input))
        #expect(!expression.matchesAnywhere(input))
    }

    /// A pattern made of many equal parts.
    struct Large: Sendable, CustomStringConvertible {
        var prefix = ""
        var part: String
        var count: Int
        var suffix = ""

        var pattern: String { prefix + String(repeating: part, count: count) + suffix }

        var description: String { "\(prefix)\(part) × \(count)" }
    }

    @Test(arguments: [
        Large(part: "\\pL{1000}", count: 1), Large(prefix: "(", part: "\\pL{500}", count: 1, suffix: "){2}"),
        Large(part: "(?:.{0,30}x){30}", count: 4), Large(part: "a", count: 40_000),
    ])
    func `a pattern whose program is too large is refused`(large: Large) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(large.pattern) }
        #expect(error?.problem == .patternTooLarge)
    }

    /// Without budgets of their own, these would build trees or do work far out of proportion to their program.
    @Test(arguments: [
        Large(prefix: "[", part: "\\pL", count: 20_000, suffix: "]"), Large(prefix: "(?i)", part: "\\pL", count: 5_000),
        Large(prefix: "(?:a", part: "|\\pL", count: 20, suffix: "){1000}"), Large(part: "(?:){1000}", count: 20_000),
        Large(part: "[[:", count: 20_000),
        Large(part: "(?:", count: 20_000, suffix: String(repeating: ")", count: 20_000)),
    ])
    func `a pattern that is all work and no program is refused`(large: Large) {
        let options = RegularExpression.Options(maximumProgramSize: 1_000)
        let error = #expect(throws: RegularExpressionError.self) {
            try RegularExpression(large.pattern, options: options)
        }
        #expect(error?.problem == .patternTooLarge)
    }

    @Test func `the bound on size can be set`() throws {
        let small = RegularExpression.Options(maximumProgramSize: 10)
        #expect(try RegularExpression("a{9}", options: small).matchesWhole("aaaaaaaaa"))
        #expect(throws: RegularExpressionError.self) { try RegularExpression("a{10}", options: small) }
        for bound in [0, -1, Int.min] {
            let none = RegularExpression.Options(maximumProgramSize: bound)
            #expect(throws: RegularExpressionError.self) { try RegularExpression("a", options: none) }
        }
        let unbounded = RegularExpression.Options(maximumProgramSize: .max)
        #expect(try RegularExpression("\\pL{100}", options: unbounded).captureGroupCount == 0)
    }

    @Test(arguments: [("(", ")"), ("(a|", ")+"), ("(?:a|", ")*?"), ("(?i:", ")*")])
    func `nesting is bounded, so that no pattern overflows the stack`(open: String, close: String) throws {
        func nested(_ depth: Int) -> String {
            String(repeating: open, count: depth) + "a" + String(repeating: close, count: depth)
        }
        #expect(try RegularExpression(nested(100)).matchesWhole("a"))
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(nested(20_000)) }
        #expect(error?.problem == .nestingTooDeep)
    }

    @Test func `operators stacked across flags are bounded as well`() {
        let pattern = "a" + String(repeating: "*(?i)", count: 10_000)
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
        #expect(error?.problem == .nestingTooDeep)
    }

    @Test func `thousands of groups do not take memory in proportion to their square`() throws {
        let expression = try RegularExpression(String(repeating: "()", count: 16_000))
        #expect(expression.captureGroupCount == 16_000)
        #expect(try expression.replacingAll(in: "ab", with: #"<\9>"#) == "<>a<>b<>")
    }
}
