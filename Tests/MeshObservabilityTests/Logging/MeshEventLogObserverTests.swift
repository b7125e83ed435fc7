// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import InMemoryLogging
import Logging
import MeshCore
import Testing

@testable import MeshObservability

@Suite
struct MeshEventLogObserverTests {
    private static let endpoint = EndpointAddress(host: "127.0.0.1", port: 9080)

    private func entries(of events: MeshEvent...) -> [InMemoryLogHandler.Entry] {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "mesh") { _ in handler }
        logger.logLevel = .trace
        let observer = MeshEventLogObserver(logger: logger)
        for event in events { observer.noticed(event) }
        return handler.entries
    }

    @Test(
        arguments: [
            (.configurationApplied(generation: 1, source: "s"), .notice),
            (.configurationRejected(source: "s", error: ConfigurationError(path: "p", "m")), .error),
            (.sourceConnection(source: "s", isConnected: true, reason: nil), .notice),
            (.sourceConnection(source: "s", isConnected: false, reason: "refused"), .warning),
            (.lastKnownGood(source: "s", .inForce(age: .seconds(60))), .warning),
            (.lastKnownGood(source: "s", .refused(ConfigurationError(path: "p", "m"))), .error),
            (.lastKnownGood(source: "s", .notWritten(ConfigurationError(path: "p", "m"))), .warning),
            (.loadStatistics(source: "s", .asked(interval: .seconds(1), clusters: 2, ignored: ["f"])), .info),
            (.loadStatistics(source: "s", .sent(clusters: 2)), .trace),
            (.loadStatistics(source: "s", .failed(reason: "refused", inRow: 1)), .warning),
            (.loadStatistics(source: "s", .failed(reason: "refused", inRow: 2)), .debug),
            (
                .endpointEjected(cluster: "c", endpoint: endpoint, duration: .seconds(30), rule: "5", reason: "5xx"),
                .warning
            ),
            (.ejectionWithheld(cluster: "c", endpoint: endpoint, rule: "5", reason: "r", because: .overLimit), .debug),
            (.endpointReturned(cluster: "c", endpoint: endpoint), .notice),
            (.loadReportRefused(cluster: "c", endpoint: endpoint, reason: "is not JSON"), .debug),
            (.loadReportReceived(cluster: "c", endpoint: endpoint), .trace),
            (.loadReportCallFailed(cluster: "c", endpoint: endpoint, reason: "gRPC status 14"), .debug),
            (.loadReportCallRefused(cluster: "c", endpoint: endpoint), .warning),
            (.loadReportsUnavailable(cluster: "c"), .warning),
            (.endpointHealthChanged(cluster: "c", endpoint: endpoint, health: "healthy", reason: nil), .notice),
            (
                .endpointHealthChanged(cluster: "c", endpoint: endpoint, health: "unhealthy", reason: "status 503"),
                .warning
            ),
            (.endpointProbed(cluster: "c", endpoint: endpoint, outcome: .success), .trace),
            (.healthCheckUnavailable(cluster: "c"), .warning),
            (.circuitBreakerChanged(cluster: "c", endpoint: nil, from: "closed", to: "open"), .warning),
            (.circuitBreakerChanged(cluster: "c", endpoint: endpoint, from: "open", to: "half-open"), .notice),
            (.retryBudgetExhausted(cluster: "c"), .debug),
            (.identityRenewed(identity: "i", validFor: .seconds(1)), .info),
            (.identityRenewalFailed(error: CancellationError()), .error),
            (.peerRefused(PeerRefusal(role: .client, reason: .revoked, message: "m")), .warning),
            (.identityExpiring(identity: "i", validFor: .seconds(600)), .warning),
            (.identityExpiring(identity: "i", validFor: .zero), .critical),
            (.hostLookup(HostLookup(host: "h", outcome: .changed, addresses: 2, duration: .zero)), .info),
            (.hostLookup(HostLookup(host: "h", outcome: .unchanged, addresses: 2, duration: .zero)), .trace),
            (
                .hostLookup(HostLookup(host: "h", outcome: .empty, addresses: 2, failuresInRow: 1, duration: .zero)),
                .warning
            ),
            (
                .hostLookup(HostLookup(host: "h", outcome: .failed, addresses: 2, failuresInRow: 2, duration: .zero)),
                .debug
            ),
            (.hostsWithoutResolver(clusters: ["c"]), .warning),
            (.faultInjected(route: "r", kind: "abort"), .debug),
            (.authorizationDecided(AuthorizationDecision(listener: "l", outcome: .allowed)), .trace),
            (.authorizationDecided(AuthorizationDecision(listener: "l", outcome: .denied, policy: "p")), .info),
            (.authorizationDecided(AuthorizationDecision(listener: "l", outcome: .shadowDenied)), .debug),
            (.authorizationDecided(AuthorizationDecision(listener: "l", outcome: .logged)), .notice),
            (.unexpected(component: "c", message: "m"), .warning),
        ] as [(MeshEvent, Logger.Level)]
    )
    func `every event has its level`(event: MeshEvent, level: Logger.Level) {
        #expect(entries(of: event).map(\.level) == [level])
    }

    @Test
    func `a rejected configuration names every problem in the message and in the metadata`() throws {
        let error = ConfigurationError([
            .init(path: "clusters[2].outlierDetection.interval", message: "must be greater than 0"),
            .init(path: "routes[0]", message: "names no cluster\nforged"),
        ])
        let entry = try #require(entries(of: .configurationRejected(source: "folder", error: error)).first)
        #expect(
            entry.message.description
                == #"configuration rejected, the last good one stays in force: "#
                + #"clusters[2].outlierDetection.interval: must be greater than 0; "#
                + #"routes[0]: names no cluster\x0Aforged"#
        )
        #expect(
            entry.metadata == [
                "source": "folder",
                "problems": [
                    "clusters[2].outlierDetection.interval: must be greater than 0",
                    #"routes[0]: names no cluster\x0Aforged"#,
                ],
            ]
        )
    }

    @Test
    func `errors of other kinds are split into their lines`() throws {
        struct Diagnostics: Error, CustomStringConvertible {
            var description: String { "a.yaml:3:7: bad weight\nb.yaml:1:1: bad kind" }
        }
        let entry = try #require(entries(of: .configurationRejected(source: "folder", error: Diagnostics())).first)
        #expect(entry.metadata["problems"] == ["a.yaml:3:7: bad weight", "b.yaml:1:1: bad kind"])
    }

    @Test
    func `ten thousand problems make a bounded line`() throws {
        let error = ConfigurationError((0..<10_000).map { .init(path: "p\($0)", message: "m") })
        let entry = try #require(entries(of: .configurationRejected(source: "s", error: error)).first)
        #expect(entry.message.description.hasSuffix("p99: m; and 9900 more"))
    }

    @Test
    func `the metadata of an ejection says where, how long and why`() throws {
        let event = MeshEvent.endpointEjected(
            cluster: "reviews",
            endpoint: Self.endpoint,
            duration: .milliseconds(1500),
            rule: "consecutive_5xx",
            reason: "5 failures"
        )
        let entry = try #require(entries(of: event).first)
        #expect(
            entry.metadata == [
                "cluster": "reviews", "endpoint": "127.0.0.1:9080", "seconds": .stringConvertible(1.5),
                "reason": "5 failures",
            ]
        )
    }

    @Test
    func `lines of an application carry the trace of the request that it serves`() {
        let trace = TraceContext(traceIDHigh: 0, traceIDLow: 10, spanID: 11, flags: 1)
        #expect(Logger.MetadataProvider.mesh.get().isEmpty)
        InboundContext.$current.withValue(InboundContext(trace: trace)) {
            #expect(
                Logger.MetadataProvider.mesh.get()
                    == ["trace_id": "0000000000000000000000000000000a", "span_id": "000000000000000b"]
            )
        }
    }
}
