// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Our benchmarks of one comparison, with iterations that fill a sample.
final class OwnSamples {
    private let sampler: Sampler
    private let names: [String]
    private var bodies: [String: (body: Benchmark.Body, iterations: Int)] = [:]

    init(_ sampler: Sampler, _ names: [String]) {
        self.sampler = sampler
        self.names = names
    }

    func prepare() async {
        for name in names {
            guard let body = Benchmark.named[name]?.prepare() else { fatalError("there is no benchmark \(name)") }
            bodies[name] = (body, await sampler.calibrate(body))
        }
    }

    func sample(_ name: String) async -> (cpu: Double, wall: Double) {
        guard let (body, iterations) = bodies[name] else { fatalError("\(name) was not prepared") }
        return await sampler.sample(body, iterations)
    }
}
