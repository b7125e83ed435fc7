// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// The programs of others that are measured or measure.
enum Program {
    /// Where a program is; `nil` where it is not.
    static func find(_ name: String, besides places: [String] = []) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return (places + path.split(separator: ":").map { "\($0)/\(name)" } + ["/usr/sbin/\(name)"])
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    /// - Returns: What it wrote, errors included; `nil` if it could not be started or failed.
    static func output(_ path: String, _ arguments: [String], limit: Double = 600) -> String? {
        try? ChildProcess(path, arguments, readsErrors: true).readToEnd(limit: limit)
    }
}
