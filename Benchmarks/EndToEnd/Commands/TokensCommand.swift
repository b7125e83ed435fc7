// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// What it costs to check a request's token with the signature: one that is remembered, and ones that never came before.
struct TokensCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens",
        abstract: "Measures checks of JSON Web Tokens, one after another, by algorithm."
    )

    @Option(help: "The algorithm; all, one after the other, if it is left out.")
    var algorithm: TokenSigner?

    @Option(help: "How many tokens are checked.")
    var count = 5_000

    @Flag(help: "Has each token checked once alone, in place of one token again and again.")
    var fresh = false

    @Flag(help: "Counts instructions and allocations by valgrind besides, which takes minutes.")
    var counts = false

    func run() throws {
        let (algorithms, count, counts) = (algorithm.map { [$0] } ?? TokenSigner.allCases, count, counts)
        // Alone, so that valgrind can take one from the other.
        let forms = algorithm == nil ? [false, true] : [fresh]
        _ = try MainThread.wait {
            for algorithm in algorithms {
                for fresh in forms { try await Self.measure(algorithm, count: count, fresh: fresh, counts: counts) }
            }
        }
    }

    private static func measure(_ signer: TokenSigner, count: Int, fresh: Bool, counts: Bool) async throws {
        // As many in every run, so that what signs them cancels out where two runs are taken from each other.
        let checks = try TokenChecks(signer, tokens: fresh ? max(count, 1_280) : 1)
        if !fresh { try await checks.run(1) }
        let (start, cpu) = (ContinuousClock().now, ProcessFigures.ownCPU())
        try await checks.run(count)
        let took = ContinuousClock().now - start
        let wall = (took / .nanoseconds(1)) / Double(count)
        let own = (ProcessFigures.ownCPU() - cpu) / Double(count)
        let form = fresh ? "checked" : "remembered"
        print("\(signer.rawValue), \(form): \(Int(wall)) ns a token, \(Int(own)) ns of CPU time")
        guard counts else { return }
        guard let counter = InstructionCounter() else { return print("  there is no valgrind") }
        defer { counter.removeCopy() }
        let arguments = ["tokens", "--algorithm", signer.rawValue] + (fresh ? ["--fresh"] : [])
        guard let figures = counter.count(arguments) else { return print("  valgrind gave no figures") }
        print("  \(Int(figures.instructions)) instructions, \(Int(figures.allocations)) allocations")
    }
}
