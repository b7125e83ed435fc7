// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#else
import Glibc
#if canImport(SwiftOverlayShims)
// The toolchain declares Linux's `timespec` members there, and `MemberImportVisibility` wants them imported.
import SwiftOverlayShims
#endif
#endif

/// Measures CPU time, a benchmark and its peer in turn, so that what disturbs one disturbs both.
struct Sampler: Sendable {
    private let pairs: Int
    private let nanosecondsPerSample: Double

    init(isQuick: Bool) {
        pairs = isQuick ? 3 : 11
        nanosecondsPerSample = isQuick ? 2e6 : 20e6
    }

    func measure(_ benchmark: Benchmark, against peer: Benchmark?) async -> Figures {
        let body = benchmark.prepare()
        let peerBody = peer?.prepare()
        let iterations = await calibrate(body)
        var peerIterations = 0
        if let peerBody { peerIterations = await calibrate(peerBody) }
        var (samples, ratios): ([Double], [Double]) = ([], [])
        for _ in 0..<pairs {
            let own = await sample(body, iterations)
            samples.append(own)
            if let peerBody { ratios.append(own / (await sample(peerBody, peerIterations))) }
        }
        return Figures(
            name: benchmark.name,
            nanoseconds: Self.median(samples),
            peer: benchmark.peer,
            ratio: ratios.isEmpty ? nil : Self.median(ratios)
        )
    }

    /// The number of iterations that fills a sample; warms up on the way.
    private func calibrate(_ body: @escaping Benchmark.Body) async -> Int {
        var iterations = 10
        while true {
            let start = Self.processTime()
            await body(iterations)
            let spent = Self.processTime() - start
            if spent >= nanosecondsPerSample / 4 {
                return max(1, Int(Double(iterations) * nanosecondsPerSample / spent))
            }
            iterations *= 4
        }
    }

    private func sample(_ body: @escaping Benchmark.Body, _ iterations: Int) async -> Double {
        let start = Self.processTime()
        await body(iterations)
        return (Self.processTime() - start) / Double(iterations)
    }

    /// CPU time of the whole process, in nanoseconds: other threads of the peers count, other processes do not.
    private static func processTime() -> Double {
        var time = timespec()
        // It cannot fail: the clock exists on every supported system and the pointer is valid.
        _ = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
