// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Compares the instructions and heap allocations of each benchmark with their bounds, and fails the program if one is
/// broken.
struct Guard: Sendable {
    /// What counts may differ by from one toolchain or C library to the next.
    static let tolerance = 0.05

    private let filter: String

    init(filter: String) {
        self.filter = filter
    }

    func run() {
        let bounds = GuardBound.all.filter { $0.name.contains(filter) }
        let counter = ValgrindCounter()
        let leaves = bounds.compactMap { Benchmark.named[$0.name]?.leaf }
        let counts = counter?.count(Set(bounds.map(\.name) + leaves).sorted())
        counter?.removeCopy()
        guard let counts else { fail("nothing could be counted: is there a valgrind?") }
        print(
            "benchmark".padded(40) + "net instr".padded(11) + "goal".padded(7) + "bound".padded(9) + "allocs".padded(9)
                + "stated"
        )
        var violations: [String] = []
        for bound in bounds {
            guard let benchmark = Benchmark.named[bound.name], let own = counts[bound.name] else {
                violations.append("\(bound.name) is guarded and was not counted")
                continue
            }
            let net = own.instructions - (benchmark.leaf.flatMap { counts[$0]?.instructions } ?? 0)
            print(bound.line(net: net, allocations: own.allocations))
            violations += bound.violations(net: net, allocations: own.allocations)
        }
        guard violations.isEmpty else { fail(violations.joined(separator: "\n")) }
        print("\(bounds.count) benchmarks within their bounds")
    }

    private func fail(_ message: String) -> Never {
        print(message)
        exit(1)
    }
}
