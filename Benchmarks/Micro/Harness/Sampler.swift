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
    let pairs: Int
    let nanosecondsPerSample: Double

    init(isQuick: Bool) {
        pairs = isQuick ? 3 : 11
        nanosecondsPerSample = isQuick ? 2e6 : 20e6
    }

    /// Measures a benchmark, and in turn with it what it stands around.
    func measure(_ benchmark: Benchmark, leaf: Benchmark?) async -> Figures {
        let (body, leafBody) = (benchmark.prepare(), leaf?.prepare())
        let iterations = await calibrate(body)
        let leafIterations = if let leafBody { await calibrate(leafBody) } else { 0 }
        var (samples, nets, walls): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<pairs {
            let own = await sample(body, iterations)
            samples.append(own.cpu)
            walls.append(own.wall)
            if let leafBody { nets.append(own.cpu - (await sample(leafBody, leafIterations)).cpu) }
        }
        return Figures(
            name: benchmark.name,
            nanoseconds: Self.median(samples),
            netNanoseconds: nets.isEmpty ? nil : Self.median(nets),
            wallNanoseconds: benchmark.threads > 1 ? Self.median(walls) : nil
        )
    }

    /// The number of iterations that fills a sample; warms up on the way.
    func calibrate(_ body: @escaping Benchmark.Body) async -> Int {
        var iterations = 10
        while true {
            let spent = await sample(body, iterations).cpu * Double(iterations)
            if spent >= nanosecondsPerSample / 4 {
                return max(1, Int(Double(iterations) * nanosecondsPerSample / spent))
            }
            iterations *= 4
        }
    }

    /// The nanoseconds of one operation: CPU time of the whole process, in which other threads of the benchmark count and
    /// other processes do not, and the time that went by.
    func sample(_ body: @escaping Benchmark.Body, _ iterations: Int) async -> (cpu: Double, wall: Double) {
        let start = (cpu: Self.time(CLOCK_PROCESS_CPUTIME_ID), wall: Self.time(CLOCK_MONOTONIC))
        await body(iterations)
        let end = (cpu: Self.time(CLOCK_PROCESS_CPUTIME_ID), wall: Self.time(CLOCK_MONOTONIC))
        return ((end.cpu - start.cpu) / Double(iterations), (end.wall - start.wall) / Double(iterations))
    }

    private static func time(_ clock: clockid_t) -> Double {
        var time = timespec()
        // It cannot fail: both clocks exist on every supported system and the pointer is valid.
        _ = clock_gettime(clock, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
