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
        let known = Dictionary(uniqueKeysWithValues: Benchmark.all.map { ($0.name, $0) })
        if let repetition = options.repetition {
            await known[repetition.name]?.prepare()(repetition.iterations)
            return
        }
        let chosen = Benchmark.all.filter { $0.isReported && $0.name.contains(options.filter) }
        if options.listsOnly {
            for benchmark in chosen { print(benchmark.name) }
            return
        }
        let sampler = Sampler(isQuick: options.isQuick)
        let counter = options.countsInstructions ? ValgrindCounter() : nil
        defer { counter?.removeCopy() }
        if options.countsInstructions, counter == nil { print("no valgrind that works here: nothing is counted") }
        var figures: [Figures] = []
        for benchmark in chosen {
            var figure = await sampler.measure(benchmark, against: benchmark.peer.flatMap { known[$0] })
            if let counter {
                figure.instructions = counter.instructions(benchmark.name, nanoseconds: figure.nanoseconds)
                figure.allocations = counter.allocations(benchmark.name, nanoseconds: figure.nanoseconds)
            }
            print(figure.line)
            // Each line as it comes, into a pipe too.
            fflush(nil)
            figures.append(figure)
        }
        if let path = options.jsonPath { Figures.write(figures, to: path) }
    }
}
