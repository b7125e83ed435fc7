// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// How much memory the process has.
enum ResidentMemory {
    /// KiB that are resident now; `nil` where the system does not say so in a file.
    static var kibibytes: Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
        else { return nil }
        return line.split(separator: " ").dropLast().last.flatMap { Int($0) }
    }

    /// What repeating an operation adds to it; `nil` where it is not known.
    static func growth(over iterations: Int, _ body: Benchmark.Body) async -> Int? {
        // What is made once, thread stacks and task slabs among it, is made first.
        await body(10_000)
        guard let before = kibibytes else { return nil }
        await body(iterations)
        return kibibytes.map { $0 - before }
    }
}
