// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import InMemoryLogging
import InMemoryTracing
import Logging
import MeshCore
import MeshTesting
import MetricsTestKit
import Synchronization
import Testing

@testable import MeshObservability

@Suite
struct ObservabilityTests {
    private let handler = InMemoryLogHandler()
    private let metrics = TestMetrics()

    private var logger: Logger { Logger(label: "mesh") { _ in handler } }

    /// One outbound request as the mesh reports it.
    private func request(through observers: ObserverSet) -> CallContext {
        var context = CallContext.fresh
        context.trace = .root(random: MeshRandom(seed: 1))
        observers.requestStarted(StubRequest(), direction: .outbound, context: &context)
        context.attempt = 1
        observers.attemptStarted(&context, cluster: "c")
        observers.attemptFinished(
            AttemptRecord(cluster: "c", endpoint: nil, attempt: 1, status: 200, outcome: .success, duration: .zero),
            context: context
        )
        observers.requestFinished(.succeeded(), context: context)
        return context
    }

    @Test
    func `one request is in the metrics, the trace and the access log, under the same trace identifier`() async throws {
        let exporter = CollectingExporter()
        let observability = Observability(
            serviceName: "productpage",
            logger: logger,
            metrics: .init(factory: metrics, workload: "productpage", service: "productpage"),
            spanExporter: exporter
        )
        let context = request(through: observability.observers)
        await observability.otlpTracer?.flush()
        #expect(metrics.counterTotal(label: "istio_requests_total") == 1)
        #expect(metrics.counterTotal(label: "envoy_cluster_upstream_rq_total") == 1)
        let traceID = context.trace.traceIDText
        #expect(try #require(exporter.lines.first).components(of: "\"traceId\":\"\(traceID)\"") == 2)
        #expect(handler.entries.map { $0.metadata["trace_id"] } == [.string(traceID)])
    }

    @Test
    func `a tracer that is given is used, and the access log can be left out`() {
        let tracer = InMemoryTracer()
        let observability = Observability(
            serviceName: "productpage",
            logger: logger,
            accessLogLevel: nil,
            metrics: .init(factory: metrics),
            tracer: tracer,
            spanExporter: CollectingExporter()
        )
        _ = request(through: observability.observers)
        #expect(tracer.finishedSpans.count == 2)
        #expect(observability.otlpTracer == nil)
        #expect(handler.entries.isEmpty)
    }

    @Test
    func `without an exporter, run waits to be cancelled`() async {
        final class Flag: Sendable {
            private let state = Mutex(false)
            var isRaised: Bool { state.withLock { $0 } }
            func raise() { state.withLock { $0 = true } }
        }
        let observability = Observability(serviceName: "a", logger: logger, metrics: .init(factory: metrics))
        let hasReturned = Flag()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await observability.run()
                hasReturned.raise()
            }
            for _ in 0..<100 { await Task.yield() }
            #expect(!hasReturned.isRaised)
            group.cancelAll()
            await group.waitForAll()
        }
        #expect(hasReturned.isRaised)
    }
}
