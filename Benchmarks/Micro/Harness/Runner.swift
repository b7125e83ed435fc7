// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Runs the chosen benchmarks and reports them.
struct Runner: Sendable {
    private let options: Options

    init(_ options: Options) {
        self.options = options
    }

    func run() async {
        if let run = options.countedRun { return await run.run() }
        let chosen = Benchmark.all.filter { $0.isReported && $0.name.contains(options.filter) }
        if options.listsOnly {
            for benchmark in chosen { print(benchmark.name) }
        } else if options.guardsBounds {
            Guard(filter: options.filter).run()
        } else if options.measuresGoals {
            await GoalReport(Sampler(isQuick: options.isQuick), towerPath: options.towerPath).run()
        } else {
            await measure(chosen)
        }
    }

    private func measure(_ chosen: [Benchmark]) async {
        let counts = options.countsInstructions ? count(chosen) : [:]
        let sampler = Sampler(isQuick: options.isQuick)
        var figures: [Figures] = []
        print(Figures.heading)
        for benchmark in chosen {
            var figure = await sampler.measure(benchmark, leaf: benchmark.leaf.flatMap { Benchmark.named[$0] })
            let (own, leaf) = (counts[benchmark.name], benchmark.leaf.flatMap { counts[$0] })
            figure.instructions = own?.instructions
            figure.allocations = own?.allocations
            if let own, let leaf { figure.netInstructions = own.instructions - leaf.instructions }
            print(figure.line)
            // Each line as it comes, into a pipe too.
            fflush(nil)
            figures.append(figure)
        }
        if let path = options.jsonPath { Figures.write(figures, to: path) }
    }

    /// What each needs. Valgrind lets one thread run at a time: what it would count of two says nothing about two.
    private func count(_ chosen: [Benchmark]) -> [String: ValgrindCounter.Counts] {
        let counter = ValgrindCounter()
        defer { counter?.removeCopy() }
        let counted = chosen.filter { $0.threads == 1 }
        let names = Set(counted.map(\.name)).union(counted.compactMap(\.leaf))
        guard let counts = counter?.count(names.sorted()) else {
            print("no valgrind that works here: nothing is counted")
            return [:]
        }
        return counts
    }
}
