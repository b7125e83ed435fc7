// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// What a connection costs before its first request: full handshakes of mutual TLS over loopback, both ends in this process.
struct HandshakesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "handshakes",
        abstract: "Measures handshakes of mutual TLS, one after another: both ends, on one event loop."
    )

    /// Who judges the certificates.
    enum Judge: String, CaseIterable, ExpressibleByArgument {
        /// The TLS library, by roots alone.
        case library
        /// The mesh: chains by trust domain, SPIFFE's rules, and what it remembers of them.
        case mesh
    }

    @Option(help: "Who judges the certificates; both, one after the other, if it is left out.")
    var judge: Judge?

    @Option(help: "How many handshakes are measured.")
    var count = 2_000

    @Flag(help: "Counts instructions and allocations by valgrind besides, which takes minutes.")
    var counts = false

    func run() throws {
        let (judges, count, counts) = (judge.map { [$0] } ?? Judge.allCases, count, counts)
        _ = try MainThread.wait { try await Self.measure(judges, count: count, counts: counts) }
    }

    private static func measure(_ judges: [Judge], count: Int, counts: Bool) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "handshakes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let authority = try BenchmarkAuthority.make(in: folder.path)
        for judge in judges {
            let pair = try await HandshakePair(judge, authority: authority, in: folder.path)
            try await pair.shake(min(count, 100))
            let (start, cpu) = (ContinuousClock().now, ProcessFigures.ownCPU())
            try await pair.shake(count)
            let wall = Double((ContinuousClock().now - start).nanoseconds) / Double(count)
            let own = (ProcessFigures.ownCPU() - cpu) / Double(count)
            try await pair.close()
            print("\(judge.rawValue): \(Int(wall)) ns a handshake, \(Int(own)) ns of CPU time, both ends")
            if counts { report(judge) }
        }
    }

    private static func report(_ judge: Judge) {
        guard let counter = InstructionCounter() else { return print("  there is no valgrind") }
        defer { counter.removeCopy() }
        guard let figures = counter.count(["handshakes", "--judge", judge.rawValue]) else {
            return print("  valgrind gave no figures")
        }
        print("  \(Int(figures.instructions)) instructions, \(Int(figures.allocations)) allocations, both ends")
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
