// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshCore

/// One gRPC client under load, in a process of its own.
struct CallLoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call-load",
        abstract: "Measures one gRPC client once and prints what it found as JSON.",
        shouldDisplay: false
    )

    @Option var variant: CallVariant
    @Option var port: UInt16
    @Option var controlPlane: UInt16
    @Option var concurrency: Int
    @Option var warmUp = 0.5
    @Option var seconds = 1.0
    /// Makes that many calls and measures nothing: what the instruction counter starts.
    @Option var count: Int?
    /// The processes whose CPU time is read as well.
    @Option(parsing: .upToNextOption) var watch: [Int32] = []

    func run() throws {
        let plan = LoadPlan(
            port: port,
            concurrency: concurrency,
            size: .small,
            extent: count.map { .count($0) }
                ?? .time(warmUp: Nanoseconds(seconds: warmUp), measured: Nanoseconds(seconds: seconds)),
            watched: watch,
            certificates: nil
        )
        let (variant, controlPlane) = (variant, controlPlane)
        let report = try MainThread.wait { try await variant.run(plan, controlPlane: controlPlane) }
        print(try report?.json() ?? "{}")
    }
}
