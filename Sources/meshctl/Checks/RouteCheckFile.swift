// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshXDS
import ServiceMesh

/// A file of tests in the format of Envoy's router check tool (`envoy.RouterCheckToolSchema.Validation`).
///
/// The older spellings are read too: a list of tests at the top, `:authority`, `:path` and `:method`,
/// `additional_headers`, `header_fields` and `custom_header_fields`.
struct RouteCheckFile {
    /// The tests, in order.
    private(set) var checks: [RouteCheck] = []
    /// What was left out, each with its place.
    private(set) var warnings: [String] = []

    /// Reads a file.
    /// - Throws: Every problem, each with its place.
    init(_ file: InputFile) throws(InputError) {
        let root = try DocumentReader.document(file)
        var reading = RouteCheckReading(file: file.name)
        let tests: [DocumentNode]
        switch root.value {
        case .list(let elements): tests = elements
        default:
            var fields = FieldReader(root, at: "", &reading.problems)
            if let runtime = fields.node("runtime") {
                reading.warn(runtime.position, "runtime", "settings of Envoy's own runtime mean nothing here")
            }
            tests = fields.node("tests")?.elements(at: "tests", &reading.problems) ?? []
            fields.finish(&reading.problems)
        }
        for (position, test) in tests.enumerated() {
            if let check = reading.check(test, at: "tests[\(position)]") { checks.append(check) }
        }
        if tests.isEmpty { reading.problems.note(root.position, "tests", "must have at least one test") }
        try reading.problems.throwIfAny()
        warnings = reading.warnings
    }
}
