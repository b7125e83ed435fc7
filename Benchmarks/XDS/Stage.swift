// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshXDS

/// A control plane with one client at a time, and what is measured of it.
struct Stage {
    /// What was measured of a client.
    struct Figures: CustomStringConvertible {
        /// From the client's beginning to the answer to its first request.
        var coldStart: Nanoseconds
        /// From the push of another route to the first answer by it: the median.
        var flip: Nanoseconds
        /// The same of 99 in a hundred.
        var lateFlip: Nanoseconds
        /// How many requests failed meanwhile.
        var failures: Int
        /// The client's CPU time for a change of one endpoint.
        var changeCPU: Nanoseconds
        /// Its resident memory at the end.
        var residentKiB: Int

        var description: String {
            "cold start \(Self.text(coldStart)), route flipped after \(Self.text(flip)), p99 \(Self.text(lateFlip)) "
                + "(\(failures) requests failed), one endpoint \(Self.text(changeCPU)) of CPU, \(residentKiB) KiB"
        }

        /// What goals X1, X2 and X4 ask for.
        func ratios(to other: Figures) -> String {
            "cold start \(Self.ratio(coldStart, other.coldStart)), flip \(Self.ratio(flip, other.flip)), "
                + "p99 \(Self.ratio(lateFlip, other.lateFlip)), "
                + "one endpoint \(Self.ratio(changeCPU, other.changeCPU))"
        }

        private static func text(_ time: Nanoseconds) -> String { "\((time.seconds * 100_000).rounded() / 100) ms" }

        private static func ratio(_ time: Nanoseconds, _ other: Nanoseconds) -> String {
            "\((time.seconds / max(other.seconds, 1e-9) * 1000).rounded() / 1000)"
        }
    }

    let cache: SnapshotCache
    /// Where the control plane listens.
    let port: UInt16
    let rounds: Int

    /// Measures one client from its start on.
    /// - Parameters:
    ///   - world: What it is served at first.
    ///   - group: Its group.
    ///   - start: Starts it.
    func measure(_ world: World, _ group: String, start: () throws -> Peer) async throws -> Figures {
        var world = world
        var version = try cache.publish(world.resources, to: group)
        let client = try start()
        defer { client.end() }
        try client.tell("first \(world.lastPath)")
        let first = try await client.next()
        guard let began = first.began, let answered = first.first else { throw BenchmarkError("no first answer") }
        try await applied(version, group)
        let (flip, lateFlip, failures) = try await flips(&world, group, client)
        // What follows a flip is over before CPU time is counted.
        try await pause(.seconds(1))
        let before = client.cpu
        for _ in 0..<rounds {
            world.change += 1
            version = try cache.publish(world.resources, to: group)
            try await applied(version, group)
        }
        // The answer goes out before the work is all done.
        try await pause(.milliseconds(200))
        let cpu = Nanoseconds(rawValue: UInt64(max(client.cpu - before, 0) / Double(rounds)))
        return Figures(
            coldStart: Nanoseconds(rawValue: answered - min(began, answered)),
            flip: flip,
            lateFlip: lateFlip,
            failures: failures,
            changeCPU: cpu,
            residentKiB: client.residentKiB
        )
    }

    private func flips(
        _ world: inout World,
        _ group: String,
        _ client: Peer
    ) async throws -> (median: Nanoseconds, late: Nanoseconds, failures: Int) {
        try client.tell("watch /flip/ask \(rounds)")
        var failures = try await client.next().failures ?? 0
        var times: [UInt64] = []
        for _ in 0..<rounds {
            world.isFlipped.toggle()
            // Made before the clock runs: how long a control plane takes to think is not what is asked here.
            let resources = world.resources
            let pushed = SystemClock().now.nanoseconds
            try cache.publish(resources, to: group)
            let line = try await client.next()
            guard line.answer == (world.isFlipped ? "b" : "a"), let at = line.at else {
                throw BenchmarkError("after a flip the answer is \(line.answer ?? "none")")
            }
            times.append(at - min(pushed, at))
            failures = line.failures ?? failures
        }
        times.sort()
        let late = times[min(times.count - 1, times.count * 99 / 100)]
        return (Nanoseconds(rawValue: times[times.count / 2]), Nanoseconds(rawValue: late), failures)
    }

    private func applied(_ version: String, _ group: String) async throws {
        let report = try await cache.awaitApplied(version, in: group, timeout: .seconds(120))
        guard report.isApplied, report.applied.count == 1 else {
            let counts = "\(report.pending.count) have not answered, \(report.refused.count) refuse it"
            throw BenchmarkError("version \(version): \(counts)")
        }
    }

    private func pause(_ time: Nanoseconds) async throws {
        try await SystemClock().sleep(until: SystemClock().now.advanced(by: time))
    }
}
