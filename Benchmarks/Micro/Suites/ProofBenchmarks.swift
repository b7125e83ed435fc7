// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An object that nothing optimizes away.
private final class Escaped {
    @inline(never)
    @_optimize(none)
    static func keep(_ object: Escaped) {}
}

/// Operations whose costs are known, to check the counter with.
func proofBenchmarks() -> [Benchmark] {
    [
        Benchmark("proof/one-allocation") { iterations in
            for _ in 0..<iterations { Escaped.keep(Escaped()) }
        }
    ]
}
