// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ServiceMesh

extension RouteCheckReport {
    /// The report for programs.
    func json(coverage percent: Double, isCovered: Bool, warnings: [String]) -> JSONValue {
        .object([
            "passed": .boolean(hasPassed && isCovered),
            "tests": .list(results.map(\.json)),
            "coverage": .object([
                "percent": .number(percent),
                "sufficient": .boolean(isCovered),
                "routes": .integer(coverage.units.count),
                "uncovered": .list(coverage.uncovered.map { JSONValue.text("\($0)") }),
            ]),
            "warnings": .list(warnings.map(JSONValue.text)),
        ])
    }
}

extension RouteCheckResult {
    fileprivate var json: JSONValue {
        .object([
            "test_name": .text(name),
            "passed": .boolean(hasPassed),
            "failures": .list(failures.map(\.json)),
            "reason": hasPassed ? nil : .text(reason),
        ])
    }
}

extension RouteCheckFailure {
    fileprivate var json: JSONValue {
        .object(["field": .text(field), "expected": .text(expected), "got": .text(got)])
    }
}
