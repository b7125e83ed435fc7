// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import Synchronization

/// The time in which a client is measured, and what it uses in it.
///
/// A timer opens and closes it, not a request: a client that answers in bursts would gain or lose one. The load begins
/// before it and goes on until it has closed, so that every part of it sees all requests under way.
final class MeasuredWindow: Sendable {
    private struct Reading {
        var instant = SystemClock().now
        var ownCPU = ProcessFigures.ownCPU()
        var watchedCPU: [Double]
    }

    let plan: LoadPlan
    private let began = SystemClock().now
    private let readings = Mutex<[Reading]>([])
    private let opened = Atomic<Bool>(false)
    private let isUsed = Atomic<Bool>(false)
    private let closed = Atomic<Bool>(false)

    init(_ plan: LoadPlan) {
        self.plan = plan
    }

    /// Whether the measured time is over.
    var isClosed: Bool { closed.load(ordering: .relaxed) }

    /// A request ended; anybody may call it.
    func requestEnded() {
        if opened.load(ordering: .relaxed), !isUsed.load(ordering: .relaxed) { isUsed.store(true, ordering: .relaxed) }
    }

    /// Opens and closes the window when it is time. To be run beside the load.
    ///
    /// It stays open for as long again, and again, until a request has ended in it: a short window on a busy machine can
    /// be shorter than a request.
    func run() async throws {
        guard case .time(let warmUp, let measured) = plan.extent else { return }
        defer { closed.store(true, ordering: .relaxed) }
        var instant = began.advanced(by: warmUp)
        try await read(at: instant)
        opened.store(true, ordering: .relaxed)
        var extensions = 0
        repeat {
            instant = instant.advanced(by: measured)
            try await SystemClock().sleep(until: instant)
            extensions += 1
        } while !isUsed.load(ordering: .relaxed) && extensions < 100
        try await read(at: instant)
    }

    private func read(at instant: MeshInstant) async throws {
        try await SystemClock().sleep(until: instant)
        let reading = Reading(watchedCPU: plan.watched.map { ProcessFigures.cpu(of: $0) })
        readings.withLock { $0.append(reading) }
    }

    /// What was found.
    /// - Parameter logs: What the workers saw.
    func report(_ logs: [LatencyLog]) throws -> LoadReport {
        if case .count = plan.extent { return LoadReport() }
        let readings = readings.withLock { $0 }
        guard readings.count == 2 else { throw LoadError("the load ended before the measured time") }
        let (opening, closing) = (readings[0], readings[1])
        let latencies = logs.lazy.flatMap(\.samples)
            .filter { opening.instant < $0.ended && $0.ended <= closing.instant }
            .map(\.latency).sorted()
        guard !latencies.isEmpty else { throw LoadError("no request ended in the measured time") }
        func microseconds(_ fraction: Double) -> Double {
            Double(latencies[min(latencies.count - 1, Int(Double(latencies.count) * fraction))]) / 1e3
        }
        let perRequest = 1 / (1e3 * Double(latencies.count))
        return LoadReport(
            requests: latencies.count,
            seconds: closing.instant.elapsed(since: opening.instant).seconds,
            p50: microseconds(0.5),
            p90: microseconds(0.9),
            p99: microseconds(0.99),
            clientCPU: (closing.ownCPU - opening.ownCPU) * perRequest,
            watchedCPU: zip(closing.watchedCPU, opening.watchedCPU).map { ($0 - $1) * perRequest },
            residentKiB: ProcessFigures.residentKiB(of: ProcessInfo.processInfo.processIdentifier)
        )
    }
}

/// Why a client could not be measured.
struct LoadError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
