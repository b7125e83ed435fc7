// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The border between two parts of a run that is counted: valgrind is told to write down its counts, and to begin anew,
/// whenever it meets this function.
@inline(never)
@_optimize(none)
func benchmarkSectionBorder() {
    // A call of a function that does nothing would be left out.
    borders.wrappingAdd(1, ordering: .relaxed)
}

private let borders = Atomic(0)

/// A run of several benchmarks for the counter, each behind a border of its own.
struct CountedRun: Sendable {
    /// How often each is run first, so that what is made once is made.
    private static let warmUp = 100
    /// How often each is run in its section.
    static let iterations = 500

    let names: [String]

    func run() async {
        for name in names {
            guard let body = Benchmark.named[name]?.prepare() else { fatalError("there is no benchmark \(name)") }
            await body(Self.warmUp)
            benchmarkSectionBorder()
            await body(Self.iterations)
            benchmarkSectionBorder()
        }
    }
}
