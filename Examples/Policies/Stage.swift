// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Where a scene says what it sees.
struct Stage: Sendable {
    private var broken = 0
    private var kept = 0

    /// Whether every expectation was met, and there was one.
    var isConvincing: Bool { broken == 0 && kept > 0 }

    /// Prints a text, indented.
    func say(_ text: String) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { print("   \(line)") }
    }

    /// Prints whether something is as the scene says.
    mutating func expect(_ isMet: Bool, _ text: String) {
        if isMet { kept += 1 } else { broken += 1 }
        print(isMet ? "   ok  \(text)" : "   NOT \(text)")
    }
}
