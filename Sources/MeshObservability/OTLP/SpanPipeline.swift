// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// The driver of the span queue: takes spans from any thread and exports them from `run`.
final class SpanPipeline: Sendable {
    private struct State {
        var queue: SpanQueue<FinishedSpan>
        var statistics = OTLPStatistics()
        /// Wakes `run`, while it runs.
        var wake: AsyncStream<Void>.Continuation?
    }

    private let state: Mutex<State>
    private let encoder: OTLPEncoder
    private let output: any SpanExporter

    init(configuration: OTLPTracer.Configuration, output: any SpanExporter) {
        self.output = output
        self.encoder = OTLPEncoder(serviceName: configuration.serviceName, resource: configuration.resource)
        self.state = Mutex(
            State(
                queue: SpanQueue(
                    capacity: configuration.maximumQueueSize,
                    batchSize: configuration.maximumBatchSize
                )
            )
        )
    }

    var statistics: OTLPStatistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.dropped = state.queue.dropped
            return statistics
        }
    }

    @Sendable
    func offer(_ span: FinishedSpan) {
        let wake = state.withLock { state in
            state.queue.offered(span) == .wake ? state.wake : nil
        }
        wake?.yield()
    }

    func wake() {
        state.withLock { $0.wake }?.yield()
    }

    /// Exports every interval and when woken until the task is cancelled, then what is left.
    func run(clock: any MeshClock, interval: Nanoseconds) async {
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { $0.wake = wake }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await clock.sleep(until: clock.now.advanced(by: interval))) != nil { wake.yield() }
                wake.finish()
            }
            for await _ in wakes { await exportAll() }
            group.cancelAll()
        }
        state.withLock { $0.wake = nil }
        await exportAll()
    }

    func exportAll() async {
        while true {
            let batch = state.withLock { $0.queue.takeBatch() }
            if batch.isEmpty { return }
            do {
                try await output.export(encoder.encode(batch))
                state.withLock { $0.statistics.exported += UInt64(batch.count) }
            } catch {
                state.withLock {
                    $0.statistics.failed += UInt64(batch.count)
                    $0.statistics.lastFailure = "\(error)"
                }
            }
        }
    }
}
