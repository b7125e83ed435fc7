// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshObservability
import MeshTesting
import Metrics
import MetricsTestKit
import Testing

@Suite struct GRPCServerMetricsTests {
    private let metrics = TestMetrics()

    private func finish(_ observer: GRPCServerMetrics, _ path: String, status: Int?, _ way: TrafficDirection = .inbound)
    {
        var record = RequestRecord(
            direction: way,
            method: "POST",
            authority: "a",
            path: path,
            status: 200,
            duration: .milliseconds(250)
        )
        record.rpcStatus = status
        record.requestMessageBytes = 7
        record.responseMessageBytes = 9
        observer.requestFinished(record, context: CallContext(now: MeshInstant(nanoseconds: 0)))
    }

    private func values(_ name: String, _ method: String, _ status: String) throws -> [Double] {
        try metrics.expectRecorder("grpc.server.call.\(name)", [("grpc.method", method), ("grpc.status", status)])
            .values
    }

    @Test("A66: calls are counted as they start, and recorded by method and status as they end")
    func calls() throws {
        let observer = GRPCServerMetrics(.init(factory: metrics))
        var context = CallContext(now: MeshInstant(nanoseconds: 0))
        let call = InMemoryRequest(path: "/a.B/C")
        observer.requestStarted(call, direction: .inbound, context: &context)
        context.isRPC = true
        observer.requestStarted(call, direction: .inbound, context: &context)
        observer.requestStarted(call, direction: .outbound, context: &context)
        #expect(try metrics.expectCounter("grpc.server.call.started", [("grpc.method", "a.B/C")]).totalValue == 1)
        finish(observer, "/a.B/C", status: 0)
        finish(observer, "/a.B/C", status: 14)
        finish(observer, "/a.B/C", status: nil)
        finish(observer, "/a.B/C", status: 0, .outbound)
        #expect(try values("duration", "a.B/C", "OK") == [0.25])
        #expect(try values("duration", "a.B/C", "UNAVAILABLE") == [0.25])
        #expect(try values("sent_total_compressed_message_size", "a.B/C", "OK") == [9])
        #expect(try values("rcvd_total_compressed_message_size", "a.B/C", "OK") == [7])
    }

    @Test func `methods that nobody knows share their labels`() throws {
        let observer = GRPCServerMetrics(.init(factory: metrics, methods: ["a.B/C"]))
        finish(observer, "/a.B/C", status: 0)
        finish(observer, "/x.Y/Z", status: 12)
        #expect(try values("duration", "a.B/C", "OK").count == 1)
        #expect(try values("duration", "other", "UNIMPLEMENTED").count == 1)
    }
}
