// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// What a gRPC call costs: bare, on the mesh, through an Envoy, and with gRPC's own client for Python.
struct CallsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calls",
        abstract: "Compares unary gRPC calls over loopback, in rounds.",
        discussion: CallVariant.allCases.map { "\($0.rawValue): \($0.title)" }.joined(separator: "\n")
    )

    @Option(help: "A Python with grpcio; without it grpcio is left out.")
    var python: String?
    @Option(parsing: .upToNextOption, help: "Only these variants.")
    var only: [CallVariant] = []
    @Option(parsing: .upToNextOption, help: "How many calls are under way.")
    var concurrency: [Int] = [1, 16, 64]
    @Option(help: "How often everything is measured.")
    var rounds = 5
    @Option(help: "How long a measurement takes, in seconds.")
    var seconds = 2.0
    @Flag(help: "Counts instructions and allocations of grpc-swift's clients by valgrind besides, which takes minutes.")
    var counts = false

    func validate() throws {
        guard concurrency.allSatisfy({ 1...1000 ~= $0 }) else { throw ValidationError("1 to 1000 calls under way") }
        guard rounds > 0, seconds > 0 else { throw ValidationError("at least one round, of some time") }
    }

    func run() throws {
        let signals = ChildProcess.stopOnSignals()
        defer { withExtendedLifetime(signals) {} }
        let bed = try CallBed(python: python)
        defer { bed.stop() }
        for line in bed.missing { print("missing: \(line)") }
        let variants = (only.isEmpty ? CallVariant.allCases : only).filter(bed.has)
        for concurrency in concurrency {
            var rounds: [[CallVariant: LoadReport]] = []
            for round in 0..<self.rounds {
                // Every other round goes backwards, so that what disturbs the machine disturbs all alike.
                let order = round.isMultiple(of: 2) ? variants : variants.reversed()
                var reports: [CallVariant: LoadReport] = [:]
                for variant in order { reports[variant] = try bed.measure(variant, concurrency, seconds: seconds) }
                rounds.append(reports)
            }
            print("\n\(concurrency) calls under way\n")
            print(CallFigures(rounds: rounds, variants: variants).table.markdown)
            fflush(nil)
        }
        if counts { try count(variants.filter { !$0.isPython }, bed) }
    }

    private func count(_ variants: [CallVariant], _ bed: CallBed) throws {
        guard let counter = InstructionCounter() else { return print("there is no valgrind") }
        defer { counter.removeCopy() }
        var table = Table(header: ["16 calls under way", "instructions", "allocations"])
        for variant in variants {
            let figures = counter.count(bed.arguments(variant, 16))
            table.rows.append([variant.rawValue, (figures?.instructions).text(0), (figures?.allocations).text(0)])
        }
        print("\n" + table.markdown)
    }
}
