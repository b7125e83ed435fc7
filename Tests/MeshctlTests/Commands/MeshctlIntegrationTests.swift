// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Testing

@testable import meshctl

/// The program, beside the tests, where the build puts it.
private let program = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("meshctl")

/// The program itself: what it reads from the disk, writes, and ends with.
@Suite(.timeLimit(.minutes(2)), .enabled(if: FileManager.default.isExecutableFile(atPath: program.path)))
struct MeshctlIntegrationTests {

    /// How a run of the program ended.
    private struct Ending: Equatable {
        var status: Int32
        var output: [String]
        var errors: [String]
    }

    private func run(_ arguments: String...) async throws -> Ending {
        let (output, errors) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        // What it writes fits into a pipe, so that it ends before anybody reads.
        let status = await withCheckedContinuation { (continuation: CheckedContinuation<Int32, Never>) in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(returning: -1)
            }
        }
        func lines(_ pipe: Pipe) throws -> [String] {
            let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            return text.split(separator: "\n").map(String.init)
        }
        return Ending(status: status, output: try lines(output), errors: try lines(errors))
    }

    private func path(_ name: String) throws -> String {
        let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/Routes")
        return folder.appendingPathComponent(name).path
    }

    @Test func `tests that pass end with 0`() async throws {
        let (table, tests) = (try path("domains.yaml"), try path("domains.passing.yaml"))
        #expect(
            try await run("routes", "check", table, "--tests", tests, "--fail-under", "100")
                == Ending(
                    status: 0,
                    output: ["15 of 15 tests passed", "coverage 100%: 9 of 9 routes"],
                    errors: []
                )
        )
    }

    @Test func `tests that fail end with 1, and too little coverage does`() async throws {
        let ending = try await run("routes", "check", path("limits.yaml"), "--tests", path("limits.failing.yaml"))
        #expect(ending.status == 1 && ending.errors.isEmpty)
        #expect(ending.output.last == "0 of 13 tests passed")
        let (table, tests) = (try path("paths.yaml"), try path("paths.passing.yaml"))
        let uncovered = try await run("routes", "check", table, "--tests", tests, "--fail-under", "94")
        #expect(uncovered.status == 1)
        #expect(
            uncovered.output == [
                "49 of 49 tests passed", "coverage 93.33%: 14 of 15 routes",
                "FAIL coverage: expected at least 94%, got 93.33%",
            ]
        )
    }

    @Test func `a bad file ends with 2, a bad command line with 64`() async throws {
        let (table, missing) = (try path("limits.yaml"), "/nowhere/tests.yaml")
        let bad = try await run("routes", "check", table, "--tests", missing)
        #expect(bad.status == 2 && bad.output.isEmpty)
        #expect(bad.errors.count == 1 && bad.errors.first?.hasPrefix("error: /nowhere/tests.yaml: ") == true)
        // A table is no list of tests.
        #expect(try await run("routes", "check", table, "--tests", table).status == 2)
        #expect(try await run("routes", "check", table).status == 64)
        #expect(try await run("routes", "check", table, "--tests", table, "--fail-under", "101").status == 64)
    }

    @Test func `an explanation ends with 0 where a route takes the request, else with 1`()
        async throws
    {
        let table = try path("paths.yaml")
        let found = try await run("explain", table, "--request", "GET http://exact.test/exact?a=b")
        #expect(found.status == 0 && found.output.first == "GET http://exact.test/exact?a=b")
        #expect(found.output.contains { $0.hasPrefix("route ") && $0.hasSuffix("#0 \"exact\"") })
        #expect(try await run("explain", table, "--request", "GET http://exact.test/other").status == 1)
    }
}
