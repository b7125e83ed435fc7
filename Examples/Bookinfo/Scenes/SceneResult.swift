// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// What a scene was to show, and what was seen.
struct SceneResult: Codable, Sendable {
    var name: String
    var expected: String
    var observed: String
    var passed: Bool
}

/// The results as JSON.
struct SceneReport: Codable {
    var scenes: [SceneResult]

    init(_ results: [SceneResult]) {
        self.scenes = results
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: URL(filePath: path))
    }
}

/// The results as a table for people.
struct SceneTable {
    private let results: [SceneResult]

    init(_ results: [SceneResult]) {
        self.results = results
    }

    var text: String {
        let rows =
            [["scene", "expected", "observed", "verdict"]]
            + results.map { [$0.name, $0.expected, $0.observed, $0.passed ? "passed" : "FAILED"] }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  ")
        }
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
        let passed = results.count(where: \.passed)
        return ([lines[0], rule] + lines.dropFirst() + ["\(passed) passed, \(results.count - passed) failed"])
            .joined(separator: "\n")
    }
}

/// Checks that a scene makes, one after another; what they saw becomes the scene's result.
struct Findings: Sendable {
    private var seen: [String] = []
    private var broken: [String] = []

    mutating func note(_ text: String) {
        seen.append(text)
    }

    mutating func expect(_ condition: Bool, _ text: String) {
        if condition { seen.append(text) } else { broken.append(text) }
    }

    /// Expects that every view was complete.
    mutating func expectNoFailure(_ views: [PageView], _ what: String = "requests") {
        let failed = views.filter { !$0.isComplete }
        let first = failed.first.map { ": \($0.summary)" } ?? ""
        expect(failed.isEmpty, "\(failed.count) of \(views.count) \(what) failed\(first)")
    }

    func result(_ name: String, expected: String) -> SceneResult {
        SceneResult(
            name: name,
            expected: expected,
            observed: (broken.map { "NOT: \($0)" } + seen).joined(separator: "; "),
            passed: broken.isEmpty
        )
    }
}

extension [PageView] {
    /// The share of views that a version of reviews answered, in percent.
    func share(of version: String) -> Double {
        isEmpty ? 0 : Double(count { $0.version == version }) * 100 / Double(count)
    }
}

extension Double {
    /// The number with one digit behind the point.
    var oneDigit: String { String(format: "%.1f", self) }
}
