// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// The whole comparison.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measures every variant, interleaved, and judges the goals.",
        discussion: Variant.allCases.map { "\($0.rawValue): \($0.title)" }.joined(separator: "\n")
    )

    @Option(help: "Write everything that was measured, as JSON.")
    var json: String?
    @Option(help: "Write the tables as a document.")
    var markdown: String?
    @Option(help: "Write the plots into this folder.")
    var plots: String?
    @Flag(help: "One round of 0.2 s, without counting instructions: does everything work?")
    var quick = false
    @Option(parsing: .upToNextOption, help: "Only these variants; what they are compared with is not added.")
    var only: [Variant] = []
    @Option(parsing: .upToNextOption, help: "How many requests are under way.")
    var concurrency: [Int] = [1, 16, 64]
    @Option(help: "How often everything is measured.")
    var rounds: Int?
    @Option(help: "How long a measurement takes, in seconds.")
    var seconds: Double?
    @Flag(help: "Do not count instructions and allocations, which needs valgrind and takes a quarter of an hour.")
    var timesOnly = false

    func validate() throws {
        guard concurrency.allSatisfy({ 1...1000 ~= $0 }) else { throw ValidationError("1 to 1000 concurrent requests") }
        guard rounds.map({ $0 > 0 }) ?? true else { throw ValidationError("at least one round") }
    }

    func run() throws {
        let signals = ChildProcess.stopOnSignals()
        defer { withExtendedLifetime(signals) {} }
        let runner = Runner(
            settings: .init(
                variants: only.isEmpty ? Variant.allCases : only,
                concurrencies: concurrency,
                rounds: rounds ?? (quick ? 1 : 5),
                warmUp: quick ? 0.2 : 0.5,
                seconds: seconds ?? (quick ? 0.2 : 1),
                countsInstructions: !quick && !timesOnly
            )
        )
        let results = try runner.run()
        show(results)
        try write(results)
        if !results.failures.isEmpty { throw ExitCode.failure }
    }

    private func show(_ results: Results) {
        if !results.machine.isOptimised { print("a debug build: nothing here says how fast anything is") }
        for cell in results.cells {
            print("\n\(cell.concurrency) concurrent, \(cell.size.byteCount) bytes\n")
            print(results.table(cell).plain)
        }
        print("\n" + results.goalTable().plain.replacing("`", with: "").replacing("**", with: ""))
        for line in results.missing { print("missing: \(line)") }
        for failure in results.failures {
            print("failed: \(failure.variant.rawValue) at \(failure.cell.concurrency): \(failure.reason)")
        }
    }

    private func write(_ results: Results) throws {
        if let json { try Self.write(try results.json() + "\n", to: json) }
        let drawn = Plot.all(results)
        if let plots {
            try FileManager.default.createDirectory(atPath: plots, withIntermediateDirectories: true)
            for (file, plot) in drawn { try Self.write(plot.draw(results), to: "\(plots)/\(file)") }
        }
        if let markdown {
            let report = MarkdownReport(results: results, plots: plots == nil ? [] : drawn.map(\.file))
            try Self.write(report.text, to: markdown)
        }
    }

    private static func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
}
