// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS
import ServiceMesh
import Testing

@testable import meshctl

/// Tables with every matcher and every action, in `Fixtures/Routes`: of each request one test that passes and one that
/// fails, with every line that is printed.
///
/// What passes was written down from Envoy's documentation, not taken from a run. In most tables each virtual host has one
/// condition or action, so that a failure is about that one alone.
@Suite struct RouteTableFilesTests {
    /// A table with its tests.
    struct Table: CustomTestStringConvertible {
        /// The name of its files.
        let name: String
        /// The ending of the table's file, and of those of its tests.
        let formats: (table: String, tests: String)
        /// How many tests it has.
        let tests: Int
        /// What the tests that pass say of the coverage.
        let coverage: [String]

        init(_ name: String, _ table: String, _ tests: String, _ count: Int, _ coverage: String...) {
            self.name = name
            self.formats = (table, tests)
            self.tests = count
            self.coverage = coverage
        }

        var testDescription: String { name }
    }

    static let tables = [
        Table("domains", "yaml", "yaml", 15, "coverage 100%: 9 of 9 routes"),
        Table("options", "json", "json", 8, "coverage 100%: 4 of 4 routes"),
        Table("paths", "yaml", "yaml", 49, "coverage 93.33%: 14 of 15 routes", "not covered: order #2 \"third\""),
        Table("headers", "json", "yaml", 86, "coverage 100%: 32 of 32 routes"),
        Table("parameters", "yaml", "json", 60, "coverage 100%: 19 of 19 routes"),
        // No test can bring a certificate along, in Envoy's tool neither.
        Table(
            "facts",
            "yaml",
            "yaml",
            55,
            "coverage 90%: 18 of 20 routes",
            "not covered: certificate-shown #0 \"certificate-shown\"",
            "not covered: certificate-verified #0 \"certificate-verified\""
        ),
        Table("trees", "yaml", "yaml", 20, "coverage 100%: 13 of 13 routes"),
        Table("maps", "json", "yaml", 16, "coverage 91.66%: 11 of 12 routes", "not covered: address #0 \"elsewhere\""),
        Table(
            "clusters",
            "yaml",
            "yaml",
            29,
            "coverage 92.3%: 12 of 13 routes",
            "not covered: random #0 \"random\" to none"
        ),
        // A route that hands requests over has no field that a test can look at.
        Table(
            "answers",
            "json",
            "json",
            30,
            "coverage 95.45%: 21 of 22 routes",
            "not covered: handed-over #0 \"handed-over\""
        ),
        Table("rewrites", "yaml", "yaml", 24, "coverage 100%: 16 of 16 routes"),
        Table("mutations", "yaml", "json", 8, "coverage 100%: 3 of 3 routes"),
        Table("specific", "json", "json", 1, "coverage 100%: 1 of 1 routes"),
        Table("limits", "yaml", "yaml", 13, "coverage 100%: 7 of 7 routes"),
    ]

    private func file(_ table: Table, _ kind: String? = nil) throws -> InputFile {
        let ending = kind.map { "\($0).\(table.formats.tests)" } ?? table.formats.table
        return try Fixture.file("Routes/\(table.name).\(ending)")
    }

    private func outcome(_ table: Table, _ kind: String, _ run: RouteCheckRun) throws -> CommandOutcome {
        let (configuration, tests) = (try file(table), try file(table, kind))
        return run.outcome(
            configuration: { () throws(InputError) in configuration },
            tests: { () throws(InputError) in tests }
        )
    }

    @Test(arguments: tables) func `what is right passes, nothing of the table is left out, and all is covered`(
        table: Table
    ) throws {
        let outcome = try outcome(table, "passing", RouteCheckRun(showsCoverage: true))
        #expect(outcome.output == ["\(table.tests) of \(table.tests) tests passed"] + table.coverage)
        #expect(outcome.diagnostics == [])
        #expect(outcome.status == .success)
    }

    @Test(arguments: tables) func `what is wrong fails with these lines`(table: Table) throws {
        let outcome = try outcome(table, "failing", RouteCheckRun(showsCoverage: true))
        let lines = String(decoding: try Fixture.file("Routes/\(table.name).failing.txt").bytes, as: UTF8.self)
        #expect(outcome.output == lines.split(separator: "\n").map(String.init))
        #expect(outcome.output.contains("0 of \(table.tests) tests passed"))
        #expect(outcome.diagnostics == [])
        #expect(outcome.status == .failure)
    }

    @Test(arguments: tables) func `each request has one expectation that is right and one that is wrong`(
        table: Table
    ) throws {
        let right = try RouteCheckFile(file(table, "passing")).checks
        let wrong = try RouteCheckFile(file(table, "failing")).checks
        #expect(right.map(\.name) == wrong.map(\.name))
        #expect(right.map(\.input) == wrong.map(\.input))
        #expect(Set(right.map(\.name)).count == table.tests)
    }

    @Test(arguments: tables) func `programs hear of the same failures`(table: Table) throws {
        let configuration = try RouteTableSelection().table(in: file(table)).configuration
        let report = try RouteChecker(configuration).run(RouteCheckFile(file(table, "failing")).checks)
        #expect(report.results.allSatisfy { !$0.hasPassed })
        let outcome = try outcome(table, "failing", RouteCheckRun(format: .json))
        #expect(outcome.status == .failure)
        let read = try DocumentReader.document(Fixture.file("report.json", outcome.output.joined(separator: "\n")))
        let failures = read["tests"]?.elements.flatMap { $0["failures"]?.elements ?? [] } ?? []
        #expect(failures.count == report.results.reduce(0) { $0 + $1.failures.count })
        #expect(failures.compactMap { $0["field"]?.text } == report.results.flatMap(\.failures).map(\.field))
        #expect(failures.compactMap { $0["got"]?.text } == report.results.flatMap(\.failures).map(\.got))
        #expect(read["coverage"]?["percent"]?.value == .number("\(report.coverage.fraction * 100)"))
    }
}

extension DocumentNode {
    fileprivate subscript(name: String) -> DocumentNode? {
        guard case .fields(let fields) = value else { return nil }
        return fields.first { $0.name == name }?.value
    }

    fileprivate var elements: [DocumentNode] {
        if case .list(let elements) = value { elements } else { [] }
    }

    fileprivate var text: String? {
        if case .text(let text) = value { text } else { nil }
    }
}
