// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

/// Something that the sources of this repository do not do.
struct Rule: Sendable, CustomTestStringConvertible {
    /// What must not be, as a sentence.
    let statement: String
    /// Which files the rule is for.
    let applies: @Sendable (SourceFile) -> Bool
    /// The lines, from 1, that break it.
    let violations: @Sendable (SourceFile) -> [Int]

    init(
        _ statement: String,
        in applies: @escaping @Sendable (SourceFile) -> Bool,
        violations: @escaping @Sendable (SourceFile) -> [Int]
    ) {
        self.statement = statement
        self.applies = { applies($0) && !$0.isGenerated }
        self.violations = violations
    }

    /// A rule that holds for generated code as well.
    private init(
        alsoGenerated statement: String,
        in applies: @escaping @Sendable (SourceFile) -> Bool,
        violations: @escaping @Sendable (SourceFile) -> [Int]
    ) {
        self.statement = statement
        self.applies = applies
        self.violations = violations
    }

    static func includingGenerated(
        _ statement: String,
        in applies: @escaping @Sendable (SourceFile) -> Bool,
        violations: @escaping @Sendable (SourceFile) -> [Int]
    ) -> Rule {
        Rule(alsoGenerated: statement, in: applies, violations: violations)
    }

    var testDescription: String { statement }
}

/// A place that may break a rule, and why.
struct Exemption: Sendable {
    let rule: Rule
    /// The file, from the repository's root.
    let path: String
    /// A part of the line; `nil` for the whole file.
    let line: String?
    let reason: String

    func covers(_ number: Int, of file: SourceFile) -> Bool {
        guard path == file.path else { return false }
        guard let line else { return true }
        return number <= file.lines.count && file.lines[number - 1].contains(line)
    }
}
