// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import Testing

@Suite("The life of a transport's connections", .timeLimit(.minutes(5)))
struct LifecycleIntegrationTests {
    private func answerAll(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
        while let head = try await connection.readHead() {
            let size = head.hasPrefix("GET /large") ? 1 << 20 : 2
            try await connection.write(String(repeating: "x", count: size).asResponse)
        }
    }

    @Test("a response that is not read to its end keeps its connection if little is left, and loses it if much is")
    func abandonedBodies() async throws {
        try await LoopbackServer.serving(answerAll) { endpoint in
            try await withTransport { transport in
                for (path, kept) in [("/small", 1), ("/large", 0)] {
                    var context = transport.callContext(endpoint)
                    try await transport.withResponse(to: .get(path), context: &context) { response in
                        #expect(response.statusCode == 200)
                    }
                    #expect(context.openExchanges == 0)
                    try await transport.settle()
                    while transport.statistics.idleConnections != kept { try await transport.settle() }
                    #expect(transport.statistics.connections == kept)
                }
            }
        }
    }

    @Test("idle connections are closed after their time, and an endpoint without connections is forgotten")
    func idleTimeout() async throws {
        let closed = Signal()
        try await LoopbackServer.serving { connection, number in
            try await answerAll(connection, number)
            closed.set()
        } while: { endpoint in
            try await withTransport { configuration in
                configuration.idleTimeout = .milliseconds(20)
            } _: { transport in
                _ = try await transport.exchange(with: endpoint)
                await closed.wait()
                try await transport.settle()
                #expect(transport.statistics == HTTPTransport.Statistics())
            }
        }
    }

    @Test("a connection's beginning and end are told of the endpoint as it was, though it is in another place by then")
    func movedEndpoint() async throws {
        let observer = RecordingObserver()
        try await LoopbackServer.serving(answerAll) { endpoint in
            let transport = HTTPTransport(.init(observers: ObserverSet([observer])))
            var endpoint = endpoint
            for region in ["here", "there"] {
                endpoint.locality = Locality(region: region)
                _ = try await transport.exchange(with: endpoint)
            }
            await transport.shutdown()
        }
        let told = observer.connections.compactMap { change -> String? in
            switch change.event {
            case .ready: "ready \(change.endpoint.locality)"
            case .closed: "closed \(change.endpoint.locality)"
            default: nil
            }
        }
        #expect(told == ["ready here", "closed here"])
    }

    @Test("a connection that is too old takes no further request")
    func maximumAge() async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            try await answerAll(connection, number)
        } while: { endpoint in
            try await withTransport { configuration in
                configuration.maximumConnectionAge = Nanoseconds(rawValue: 1)
            } _: { transport in
                for _ in 0..<3 { _ = try await transport.exchange(with: endpoint) }
            }
        }
        #expect(numbers.all.count == 3)
    }

    @Test("connections of an older identity are not used again: idle ones now, busy ones when they are free")
    func rotation() async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            try await answerAll(connection, number)
        } while: { endpoint in
            try await withTransport { transport in
                _ = try await transport.exchange(with: endpoint)
                transport.closeIdleConnections()
                var context = transport.callContext(endpoint)
                try await transport.withResponse(to: .get("/"), context: &context) { response in
                    transport.closeIdleConnections()
                    _ = try await response.body.collect(upTo: 10)
                }
                _ = try await transport.exchange(with: endpoint)
                transport.retain(endpoints: [endpoint])
                _ = try await transport.exchange(with: endpoint)
                transport.retain(endpoints: [])
                _ = try await transport.exchange(with: endpoint)
            }
        }
        #expect(numbers.all.count >= 3)
        #expect(numbers.all.count <= 4)
    }

    @Test("a shutdown lets exchanges end, refuses new ones, and closes every connection")
    func gracefulShutdown() async throws {
        let asked = Signal()
        let go = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            asked.set()
            await go.wait()
            try await connection.write("ok".asResponse)
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                var full = endpoint
                full.maximumConnections = 1
                full.maximumPendingRequests = 1
                let target = full
                async let answer = transport.exchange(with: target)
                await asked.wait()
                async let waiting = meshError { _ = try await transport.exchange(with: target) }
                async let shutdown: Void = transport.shutdown(gracePeriod: .seconds(30))
                let refused = await waiting
                #expect(refused?.code == .cancelled)
                #expect(refused?.origin == .local)
                #expect(refused?.requestState == .notSent)
                go.set()
                let result = try await answer
                #expect(result.body == "ok")
                await shutdown
                #expect(transport.statistics == HTTPTransport.Statistics())
            }
        }
    }

    @Test("a shutdown without grace fails what goes on")
    func abruptShutdown() async throws {
        let asked = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            asked.set()
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                async let error = meshError { _ = try await transport.exchange(with: endpoint) }
                await asked.wait()
                await transport.shutdown(gracePeriod: .zero)
                let failure = await error
                #expect(failure?.code == .cancelled)
                #expect(failure?.origin == .local)
                #expect(transport.statistics == HTTPTransport.Statistics())
            }
        }
    }

    @Test("many callers share few connections, and every one gets its own answer")
    func manyCallers() async throws {
        try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                try await connection.write(head.firstLine.asResponse)
            }
        } while: { endpoint in
            try await withTransport(loops: 2) { transport in
                var limited = endpoint
                limited.maximumConnections = 4
                let target = limited
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for caller in 0..<32 {
                        let executor = caller.isMultiple(of: 2) ? transport.executors.next() : nil
                        group.addTask(executorPreference: executor) {
                            for index in 0..<50 {
                                let answer = try await transport.exchange(.get("/\(caller)/\(index)"), with: target)
                                #expect(answer.body == "GET /\(caller)/\(index) HTTP/1.1")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(transport.statistics.connections <= 4)
                #expect(transport.statistics.pendingRequests == 0)
                #expect(transport.statistics.idleConnections == transport.statistics.connections)
            }
        }
    }

    @Test("does not keep a transport from its end when it is made in that moment")
    func dialDuringShutdown() async throws {
        try await LoopbackServer.serving { connection, _ in
            await connection.readToEnd()
        } while: { endpoint in
            for _ in 0..<50 {
                try await withTransport { transport in
                    let request = Task { try await transport.exchange(with: endpoint) }
                    while transport.statistics.connections == 0 { await Task.yield() }
                    request.cancel()
                    await transport.shutdown(gracePeriod: .seconds(600))
                    #expect(transport.statistics == HTTPTransport.Statistics())
                    _ = await request.result
                }
            }
        }
    }
}
