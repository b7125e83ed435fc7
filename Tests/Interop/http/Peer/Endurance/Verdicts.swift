// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// What was checked, in the words that the scripts use: a line for each check and "N passed, N failed" at the end.
struct Verdicts {
    private var passed = 0
    private var failed = 0

    mutating func check(_ statement: String, _ holds: Bool, _ seen: @autoclosure () -> String = "") {
        if holds { passed += 1 } else { failed += 1 }
        let detail = seen()
        print("\(holds ? "ok    " : "FAILED") \(statement)\(detail.isEmpty ? "" : ": \(detail)")")
    }

    /// Prints the sum; ends the program as failed if anything did.
    func conclude() throws {
        print("\(passed) passed, \(failed) failed")
        if failed > 0 { throw ExitCode.failure }
    }
}
