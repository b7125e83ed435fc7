// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import InMemoryLogging
import Logging
import MeshCore
import Testing

@testable import MeshObservability

@Suite
struct AccessLogObserverTests {
    private let handler = InMemoryLogHandler()
    /// 2025-11-21T03:01:07.054Z: 12 ms after the request began.
    private static let now: UInt64 = 1_763_694_067_054_000_000

    private func observer(
        logLevel: Logger.Level = .trace,
        level: Logger.Level = .info,
        failureLevel: Logger.Level? = nil
    ) -> AccessLogObserver {
        var logger = Logger(label: "access") { _ in handler }
        logger.logLevel = logLevel
        return AccessLogObserver(logger: logger, level: level, failureLevel: failureLevel) { Self.now }
    }

    @Test
    func `a line has Envoy's order and the metadata has the rest`() {
        var context = CallContext.fresh
        context.trace = TraceContext(traceIDHigh: 1, traceIDLow: 2, spanID: 3, flags: 1)
        var record = RequestRecord.succeeded()
        record.attempts = 2
        record.flags = [.upstreamRequestTimeout, .delayInjected]
        observer().requestFinished(record, context: context)
        let line = #"""
            [2025-11-21T03:01:07.042Z] "GET /reviews/7 HTTP" 200 UT,DI - - 12 - "-" "-" "-" "reviews:9080" "127.0.0.1:4011"
            """#
        let metadata: Logger.Metadata = [
            "direction": "outbound",
            "trace_id": "00000000000000010000000000000002",
            "route": "reviews-v2",
            "cluster": "outbound|9080|v2|reviews.default.svc.cluster.local",
            "upstream_host": "127.0.0.1:4011",
            "attempts": .stringConvertible(2),
            "flags": "UT,DI",
        ]
        #expect(handler.entries == [.init(level: .info, message: "\(line)", metadata: metadata)])
    }

    @Test
    func `what is unknown is a dash`() throws {
        let record = RequestRecord(
            direction: .inbound,
            method: "POST",
            authority: "",
            path: "/",
            status: 403,
            flags: [.unauthorizedExternalService],
            duration: .zero,
            peerIdentity: "spiffe://cluster.local/ns/default/sa/reviews-v3",
            error: MeshError(.unauthorized, origin: .local, message: "no \"policy\"\nallows it")
        )
        observer().requestFinished(record, context: .fresh)
        let entry = try #require(handler.entries.first)
        #expect(
            entry.message.description
                == #"[2025-11-21T03:01:07.054Z] "POST / HTTP" 403 UAEX - - 0 - "-" "-" "-" "-" "-""#
        )
        #expect(entry.metadata["peer"] == "spiffe://cluster.local/ns/default/sa/reviews-v3")
        #expect(entry.metadata["error"] == #"unauthorized [UAEX]: no \"policy\"\x0Aallows it"#)
        #expect(entry.metadata["trace_id"] == nil)
    }

    @Test
    func `a request cannot forge a line`() throws {
        var record = RequestRecord.succeeded()
        record.path = "/x\" 200 -\n[2025-11-21T03:01:07.042Z] \"GET /forged"
        record.authority = "a\r\nb"
        record.method = "G\u{1B}[1mET"
        observer().requestFinished(record, context: .fresh)
        let message = try #require(handler.entries.first).message.description
        #expect(!message.contains("\n") && !message.contains("\r") && !message.contains("\u{1B}"))
        #expect(message.contains(#""G\x1B[1mET /x\" 200 -\x0A[2025-11-21T03:01:07.042Z] \"GET /forged HTTP" 200"#))
    }

    @Test
    func `failures have their own level and a quiet logger gets nothing`() {
        var failed = RequestRecord.succeeded()
        failed.status = 503
        let observer = observer(logLevel: .notice, level: .info, failureLevel: .warning)
        observer.requestFinished(.succeeded(), context: .fresh)
        observer.requestFinished(failed, context: .fresh)
        #expect(handler.entries.map(\.level) == [.warning])
    }
}
