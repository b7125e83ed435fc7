// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import CoreMetrics
import MeshCore
import MetricsTestKit
import Testing

@testable import MeshObservability

/// What was counted of a cluster goes with it, once nothing of it can come any more.
@Suite struct GoneClusterTests {
    private let backend = TestMetrics()
    private let context = CallContext.fresh
    private let observer: MetricsObserver

    init() {
        observer = MetricsObserver(MetricsObserver.Configuration(factory: backend))
    }

    private func endpoint(_ cluster: String) -> Endpoint {
        Endpoint(address: EndpointAddress(host: "10.0.0.1", port: 80), cluster: cluster)
    }

    private func attempt(_ cluster: String) {
        observer.attemptFinished(
            AttemptRecord(cluster: cluster, endpoint: nil, attempt: 1, status: 200, outcome: .success, duration: .zero),
            context: context
        )
    }

    private func change(added: Set<String> = [], removed: Set<String> = []) {
        observer.noticed(.clustersChanged(added: added, removed: removed))
    }

    /// The clusters that there are metrics of.
    private var clusters: Set<String> {
        let dimensions = backend.counters.map(\.dimensions) + backend.recorders.map(\.dimensions)
        return Set(dimensions.flatMap { $0 }.filter { $0.0 == "envoy_cluster_name" }.map(\.1))
    }

    @Test func `metrics of a cluster without connections go at once, and those of others stay`() {
        for name in ["a", "b"] { attempt(name) }
        change(removed: ["a"])
        #expect(clusters == ["b"])
    }

    @Test func `metrics go with the last connection of a cluster that is gone`() {
        let end = ConnectionEvent.closed(.http1, .idle, after: .seconds(1), activeRequests: 0)
        for name in ["a", "a", "b"] { observer.connectionChanged(.dialing, endpoint: endpoint(name)) }
        attempt("a")
        change(removed: ["a"])
        #expect(clusters == ["a", "b"])
        observer.connectionChanged(end, endpoint: endpoint("a"))
        #expect(clusters == ["a", "b"], "one connection is still to be counted")
        observer.connectionChanged(end, endpoint: endpoint("b"))
        observer.connectionChanged(.connectFailed(isTimeout: true, error: CancellationError()), endpoint: endpoint("a"))
        #expect(clusters == ["b"], "which is in force, with connections or without")
    }

    @Test func `a request that ends late is forgotten with the next change`() {
        attempt("a")
        change(removed: ["a"])
        attempt("a")
        #expect(clusters == ["a"])
        change(removed: ["b"])
        #expect(clusters == [])
    }

    @Test func `a cluster that comes back is counted on`() {
        change(removed: ["a"])
        change(added: ["a"])
        attempt("a")
        change(removed: ["b"])
        #expect(clusters == ["a"])
    }

    @Test func `requests of a service stay as long as one of its subsets is there`() {
        let record = RequestRecord.succeeded(.outbound)
        var other = RequestRecord.succeeded(.outbound)
        other.cluster = "outbound|9080|v1|reviews.default.svc.cluster.local"
        observer.requestFinished(record, context: context)
        observer.requestFinished(other, context: context)
        change(removed: ["outbound|9080|v2|reviews.default.svc.cluster.local"])
        #expect(backend.counters(label: "istio_requests_total").count == 1)
        change(removed: ["outbound|9080|v1|reviews.default.svc.cluster.local"])
        #expect(backend.counters(label: "istio_requests_total").isEmpty)
    }

    @Test func `requests of a service go as a whole, whatever they were answered`() {
        let subset = { (version: String) in "outbound|9080|\(version)|reviews.default.svc.cluster.local" }
        var record = RequestRecord.succeeded(.outbound)
        for (version, status) in [("v1", 200), ("v1", 404), ("v2", 200)] {
            record.cluster = subset(version)
            record.status = status
            observer.requestFinished(record, context: context)
        }
        change(removed: [subset("v1")])
        #expect(backend.counters(label: "istio_requests_total").count == 1, "those that v2 has, too")
        change(removed: [subset("v2")])
        #expect(backend.counters(label: "istio_requests_total").isEmpty)
    }

    @Test func `no more than the last thousand are remembered`() {
        let gone = GoneClusters()
        let names = (0..<2000).map { "\($0)" }
        #expect(gone.changed(added: [], removed: Set(names)).count == GoneClusters.maximumCount)
        #expect(gone.changed(added: Set(names), removed: []).isEmpty)
    }

    @Test func `a connection that ends after thousands of changes is forgotten all the same`() {
        observer.connectionChanged(.dialing, endpoint: endpoint("a"))
        change(removed: ["a"])
        for number in 0..<3 * GoneClusters.maximumCount { change(removed: ["\(number)"]) }
        observer.connectionChanged(
            .closed(.http1, .idle, after: .seconds(1), activeRequests: 0),
            endpoint: endpoint("a")
        )
        attempt("a")
        #expect(clusters == ["a"], "which ended after its connection")
        change(removed: ["b"])
        #expect(clusters == [])
    }

    @Test func `requests that end while their cluster goes leave nothing behind`() async {
        let names = (0..<200).map { "outbound|80||service-\($0).default.svc.cluster.local" }
        await withTaskGroup(of: Void.self) { group in
            for status in [200, 404, 500, 503] {
                group.addTask {
                    for name in names {
                        for _ in 0..<20 {
                            var record = RequestRecord.succeeded(.outbound)
                            (record.cluster, record.status) = (name, status)
                            observer.requestFinished(record, context: context)
                        }
                    }
                }
            }
            group.addTask { for name in names { change(removed: [name]) } }
        }
        change(removed: ["another"])
        #expect(backend.counters(label: "istio_requests_total").isEmpty)
    }
}
