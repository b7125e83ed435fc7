// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation
import MeshCore

/// One client under load, in a process of its own, so that its CPU time and its memory are its own.
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Measures one client once and prints what it found as JSON.",
        shouldDisplay: false
    )

    @Option var variant: Variant
    @Option var port: UInt16
    @Option var concurrency: Int
    @Option var size = ResponseSize.small
    @Option var warmUp = 0.3
    @Option var seconds = 1.0
    /// Makes that many requests and measures nothing: what the instruction counter starts.
    @Option var count: Int?
    /// The processes whose CPU time is read as well.
    @Option(parsing: .upToNextOption) var watch: [Int32] = []
    /// The folder of the authority whose certificates clients that speak TLS show.
    @Option var certificates: String?

    func run() throws {
        let plan = LoadPlan(
            port: port,
            concurrency: concurrency,
            size: size,
            extent: count.map { .count($0) }
                ?? .time(warmUp: Nanoseconds(seconds: warmUp), measured: Nanoseconds(seconds: seconds)),
            watched: watch,
            certificates: certificates
        )
        let variant = variant
        let report = try MainThread.wait { try await variant.run(plan) }
        print(try report?.json() ?? "{}")
    }

    /// What the command line of a client begins with.
    static func arguments(_ variant: Variant, _ cell: Cell, _ target: TestBed.Target) -> [String] {
        [
            "load", "--variant", variant.rawValue, "--port", "\(target.port)", "--concurrency", "\(cell.concurrency)",
            "--size", cell.size.rawValue, "--certificates", target.certificates,
        ]
    }
}
