// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import ServiceMesh
import Testing

@testable import meshctl

/// Files of the tests, and files that are written where they are needed.
enum Fixture {
    /// A file of the folder.
    static func file(_ name: String) throws -> InputFile {
        let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures")
        let content = try Data(contentsOf: folder.appendingPathComponent(name))
        return InputFile(name: name, bytes: [UInt8](content))
    }

    /// A file of its text.
    static func file(_ name: String, _ text: String) -> InputFile {
        InputFile(name: name, bytes: Array(text.utf8))
    }

    /// A table of two routes, and tests of it.
    static let table = """
        virtual_hosts:
        - name: all
          domains: ["*"]
          routes:
          - {name: a, match: {prefix: /a}, route: {cluster: a}}
          - {name: rest, match: {prefix: /}, route: {cluster: rest}}
        """

    /// A run of tests in YAML against a table in YAML.
    static func run(
        _ tests: String,
        table: String = table,
        _ run: RouteCheckRun = RouteCheckRun()
    ) -> CommandOutcome {
        run.outcome(
            configuration: { () throws(InputError) in file("table.yaml", table) },
            tests: { () throws(InputError) in file("tests.yaml", tests) }
        )
    }
}
