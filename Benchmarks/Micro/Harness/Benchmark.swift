// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something to measure: a body that repeats one operation.
struct Benchmark: Sendable {
    /// Its name, with its group (`policy/retry`).
    let name: String
    /// The benchmark or idiom that it is compared with, in the same interleaved run.
    let peer: String?
    /// Makes what is measured, and the body that runs the operation that many times.
    let prepare: @Sendable () -> Body

    typealias Body = @Sendable (_ iterations: Int) async -> Void

    init(_ name: String, peer: String? = nil, _ body: @escaping Body) {
        self.init(name, peer: peer, preparing: { body })
    }

    init(_ name: String, peer: String? = nil, preparing prepare: @escaping @Sendable () -> Body) {
        self.name = name
        self.peer = peer
        self.prepare = prepare
    }

    /// Whether it is reported; idioms are only compared with, proofs only check the counter.
    var isReported: Bool { !name.hasPrefix("idiom/") && !name.hasPrefix("proof/") }

    /// Every benchmark.
    static let all: [Benchmark] =
        stackBenchmarks() + policyBenchmarks() + routeBenchmarks() + pickBenchmarks() + idiomBenchmarks()
        + proofBenchmarks()
}
