// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import InMemoryLogging
import Logging
import MeshCore
import MeshObservability
import MeshTesting
import Testing

@Suite struct ConnectionLogTests {
    private static let endpoint = Endpoint(
        address: EndpointAddress(host: "10.0.0.1", port: 80),
        proxy: EndpointAddress(host: "proxy", port: 3128),
        cluster: "c"
    )

    private func entries(_ level: Logger.Level, of event: ConnectionEvent) -> [InMemoryLogHandler.Entry] {
        let handler = InMemoryLogHandler()
        var logger = Logger(label: "mesh") { _ in handler }
        logger.logLevel = level
        MeshEventLogObserver(logger: logger).connectionChanged(event, endpoint: Self.endpoint)
        return handler.entries
    }

    static let events: [(ConnectionEvent, Logger.Level)] = [
        (.dialing, .trace), (.ready(.http1, after: .seconds(1)), .debug),
        (.connectFailed(isTimeout: true, error: CancellationError()), .debug), (.draining(.http2, .age), .debug),
        (.closed(.http2, .remote, after: .seconds(1), activeRequests: 2), .debug), (.requestPending, .trace),
        (.requestNotPending, .trace), (.pendingOverflow, .debug), (.connectionOverflow, .debug),
        (.streamResetReceived, .debug), (.streamResetSent, .debug),
    ]

    @Test(arguments: 0..<events.count)
    func `what happens to connections is for those who debug`(number: Int) {
        let (event, level) = Self.events[number]
        let entries = entries(.trace, of: event)
        #expect(entries.map(\.level) == [level])
        #expect(entries.first?.metadata["endpoint"] == "10.0.0.1:80")
        #expect(entries.first?.metadata["cluster"] == "c")
        #expect(entries.first?.metadata["proxy"] == "proxy:3128")
        #expect(self.entries(.debug, of: event).count == (level == .debug ? 1 : 0))
        #expect(self.entries(.info, of: event).isEmpty)
    }

    @Test func `the end of a connection says why, and what it took with it`() {
        let entry = entries(.debug, of: .closed(.http2, .remote, after: .milliseconds(1500), activeRequests: 2)).first
        #expect(entry?.metadata["protocol"] == "http2")
        #expect(entry?.metadata["reason"] == "remote")
        #expect(entry?.metadata["seconds"]?.description == "1.5")
        #expect(entry?.metadata["active_requests"]?.description == "2")
    }

    @Test func `a recording observer keeps what happens to connections in order`() {
        let observer = RecordingObserver()
        let observers = ObserverSet([observer])
        observers.connectionChanged(.dialing, endpoint: Self.endpoint)
        observers.connectionChanged(.ready(.http2, after: .zero), endpoint: Self.endpoint)
        #expect(observer.connections.map(\.endpoint) == [Self.endpoint, Self.endpoint])
        guard case .dialing = observer.connections[0].event, case .ready(.http2, _) = observer.connections[1].event
        else {
            Issue.record("other events were kept: \(observer.connections)")
            return
        }
    }
}
