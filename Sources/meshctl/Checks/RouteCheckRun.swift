// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import ServiceMesh

/// One run of `meshctl routes check`.
struct RouteCheckRun {
    /// Which of the file's tables is tested.
    var selection = RouteTableSelection()
    /// Whether the routes that no test covers are told.
    var showsCoverage = false
    /// Whether the coverage counts fields, and not routes.
    var isComprehensive = false
    /// The coverage, in percent, below which the run fails; `nil` for none.
    var failUnder: Double?
    /// How the result is printed.
    var format = OutputFormat.text

    /// Reads both files, runs the tests and says how they went.
    func outcome(
        configuration: () throws(InputError) -> InputFile,
        tests: () throws(InputError) -> InputFile
    ) -> CommandOutcome {
        // What is wrong with either file is said at once.
        var warnings: [String] = []
        var problems: [String] = []
        var table: SelectedRouteTable?
        var file: RouteCheckFile?
        do {
            table = try selection.table(in: try configuration())
            warnings += table?.warnings ?? []
        } catch {
            problems += error.lines
        }
        do {
            file = try RouteCheckFile(try tests())
            warnings += file?.warnings ?? []
        } catch {
            problems += error.lines
        }
        warnings = warnings.map { "warning: \($0)" }
        guard let table, let file else {
            return CommandOutcome(status: .badInput, diagnostics: warnings + problems.map { "error: \($0)" })
        }
        do {
            let report = try RouteChecker(table.configuration).run(file.checks)
            return outcome(of: report, warnings: warnings)
        } catch {
            let lines = error.problems.map { "error: \(table.file): \($0)" }
            return CommandOutcome(status: .badInput, diagnostics: warnings + lines)
        }
    }

    private func outcome(of report: RouteCheckReport, warnings: [String]) -> CommandOutcome {
        let fraction = isComprehensive ? report.coverage.comprehensiveFraction : report.coverage.fraction
        let percent = fraction * 100
        let isCovered = failUnder.map { percent >= $0 } ?? true
        return CommandOutcome(
            status: report.hasPassed && isCovered ? .success : .failure,
            output: format == .json
                ? [report.json(coverage: percent, isCovered: isCovered, warnings: warnings).text]
                : lines(of: report, percent: percent, isCovered: isCovered),
            diagnostics: format == .json ? [] : warnings
        )
    }

    private func lines(of report: RouteCheckReport, percent: Double, isCovered: Bool) -> [String] {
        var lines = report.results.flatMap(\.lines).map { "FAIL \($0)" }
        let failed = report.results.count { !$0.hasPassed }
        let passed = report.results.count - failed
        lines.append("\(passed) of \(report.results.count) tests passed")
        if showsCoverage || failUnder != nil {
            let uncovered = report.coverage.uncovered
            let count = report.coverage.units.count
            let what =
                isComprehensive ? "of all fields of \(count) routes" : "\(count - uncovered.count) of \(count) routes"
            lines.append("coverage \(percent.percentText)%: \(what)")
            if showsCoverage { lines += uncovered.map { "not covered: \($0)" } }
        }
        if let failUnder, !isCovered {
            lines.append("FAIL coverage: expected at least \(failUnder.percentText)%, got \(percent.percentText)%")
        }
        return lines
    }
}

extension Double {
    /// The number with at most two digits behind the point, rounded down: 99.999 of a hundred is not all.
    var percentText: String {
        let hundredths = Int((self * 100).rounded(.down))
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        guard rest != 0 else { return "\(whole)" }
        return rest % 10 == 0 ? "\(whole).\(rest / 10)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
