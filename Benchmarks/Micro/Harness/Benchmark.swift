// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something to measure: a body that repeats one operation.
struct Benchmark: Sendable {
    /// Its name, with its group (`policy/retry`).
    let name: String
    /// The benchmark of what it stands around: what it costs itself is the difference. Both are measured in turn.
    let leaf: String?
    /// How many tasks share the iterations.
    let threads: Int
    /// Makes what is measured, and the body that runs the operation that many times.
    let prepare: @Sendable () -> Body

    typealias Body = @Sendable (_ iterations: Int) async -> Void

    init(_ name: String, leaf: String? = nil, _ body: @escaping Body) {
        self.init(name, leaf: leaf, preparing: { body })
    }

    init(
        _ name: String,
        leaf: String? = nil,
        threads: Int = 1,
        preparing prepare: @escaping @Sendable () -> Body
    ) {
        self.name = name
        self.leaf = leaf
        self.threads = threads
        self.prepare = prepare
    }

    /// The benchmark, and the same with two tasks that share its object.
    var withTwoThreads: [Benchmark] {
        let prepare = prepare
        let contended = Benchmark("\(name)/2-threads", threads: 2) {
            let body = prepare()
            return { iterations in
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<2 { group.addTask { await body(iterations / 2) } }
                }
            }
        }
        return [self, contended]
    }

    /// Whether it is reported; idioms are only compared with, proofs only check the counter.
    var isReported: Bool { !name.hasPrefix("idiom/") && !name.hasPrefix("proof/") }

    /// Every benchmark.
    static let all: [Benchmark] =
        leafBenchmarks() + stackBenchmarks() + policyStackBenchmarks() + policyBenchmarks() + routeBenchmarks()
        + authorizationBenchmarks() + tokenBenchmarks() + pickBenchmarks() + rebuildBenchmarks() + idiomBenchmarks()
        + proofBenchmarks()

    /// Every benchmark, by its name.
    static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}
