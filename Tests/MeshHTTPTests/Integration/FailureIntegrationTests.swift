// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import Testing

@Suite("An exchange that fails on a real socket", .timeLimit(.minutes(5)))
struct FailureIntegrationTests {
    @Test("says that the connection failed, and that nothing was sent, when nobody listens")
    func refusedConnection() async throws {
        // A port that the system gives to nobody: one that was free a moment ago may be another test's by now.
        let nobody = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1))
        try await withTransport { transport in
            var context = transport.callContext(nobody)
            let error = await meshError { _ = try await transport.send(.get("/"), context: &context) }
            #expect(error?.code == .connectionFailed)
            #expect(error?.origin == .upstream)
            #expect(error?.requestState == .notSent)
            #expect(error?.endpoint == nobody.address)
            #expect(context.requestState == .notSent)
            #expect(context.openExchanges == 0)
            #expect(transport.statistics == HTTPTransport.Statistics())
        }
    }

    @Test("is not tried twice on a kept connection that the server closes as it gets the request")
    func staleConnection() async throws {
        try await LoopbackServer.serving { connection, number in
            _ = try await connection.readHead()
            try await connection.write("first".asResponse)
            // The second request is read and answered by closing, as a server does whose idle timeout has just passed.
            if number == 0 { _ = try await connection.readHead() }
        } while: { endpoint in
            try await withTransport { transport in
                _ = try await transport.exchange(with: endpoint)
                var context = transport.callContext(endpoint)
                let error = await meshError { _ = try await transport.send(.get("/"), context: &context) }
                #expect(error?.code == .connectionClosed)
                #expect(error?.requestState == .maybeSent)
                #expect(context.requestState == .maybeSent)
                let retried = try await transport.exchange(with: endpoint)
                #expect(retried.body == "first")
            }
        }
    }

    @Test("does not happen because of a connection that was closed while it was idle")
    func closedWhileIdle() async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            _ = try await connection.readHead()
            try await connection.write("ok".asResponse)
        } while: { endpoint in
            try await withTransport { transport in
                for _ in 0..<3 {
                    let answer = try await transport.exchange(with: endpoint)
                    #expect(answer.body == "ok")
                    // The server's end of file reaches the client's loop by itself: nothing but the loop is waited for.
                    while transport.statistics.connections > 0 {
                        try await transport.settle()
                    }
                }
            }
        }
        #expect(numbers.all == [0, 1, 2])
    }

    @Test("gives what came of a body that breaks off, then says that the connection was closed")
    func closeInBody() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it")
        } while: { endpoint in
            try await withTransport { transport in
                var context = transport.callContext(endpoint)
                var received = ""
                let error = await meshError {
                    try await transport.withResponse(to: .get("/"), context: &context) { response in
                        for try await chunk in response.body { received += String(buffer: chunk) }
                    }
                }
                #expect(received == "half of it")
                #expect(error?.code == .connectionClosed)
                #expect(error?.requestState == .answered)
                #expect(context.openExchanges == 0)
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("ends at its deadline while it waits for the head, and so does its connection")
    func deadlineBeforeHead() async throws {
        let clock = ManualClock()
        let closed = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            clock.advance(by: .milliseconds(10))
            await connection.readToEnd()
            closed.set()
        } while: { endpoint in
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                var context = transport.callContext(endpoint, timeout: .milliseconds(10))
                let error = await meshError { _ = try await transport.send(.get("/"), context: &context) }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == .maybeSent)
                await closed.wait()
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("ends at its deadline in the middle of a slow body")
    func deadlineInBody() async throws {
        let clock = ManualClock()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow")
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                var context = transport.callContext(endpoint, timeout: .milliseconds(10))
                let error = await meshError {
                    try await transport.withResponse(to: .get("/"), context: &context) { response in
                        for try await chunk in response.body {
                            #expect(String(buffer: chunk) == "slow")
                            clock.advance(by: .milliseconds(10))
                        }
                    }
                }
                #expect(error?.code == .deadlineExceeded)
                #expect(error?.requestState == .answered)
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("is refused before anything is sent when its deadline has passed")
    func deadlineBefore() async throws {
        try await withTransport { transport in
            var context = transport.callContext(.init(address: .init(host: "127.0.0.1", port: 1)), timeout: .zero)
            let error = await meshError { _ = try await transport.send(.get("/"), context: &context) }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.requestState == .notSent)
        }
    }

    @Test("by cancellation leaves no connection behind, and touches no other", arguments: [true, false])
    func cancellation(onLoop: Bool) async throws {
        let asked = Signal()
        let closed = Signal()
        try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                if head.hasPrefix("GET /slow") {
                    asked.set()
                    await connection.readToEnd()
                    closed.set()
                    return
                }
                try await connection.write("ok".asResponse)
            }
        } while: { endpoint in
            try await withTransport { transport in
                try await withTaskExecutorPreference(onLoop ? transport.executors.next() : nil) {
                    () async throws -> Void in
                    // Two connections, of which one stays.
                    async let one = transport.exchange(with: endpoint)
                    async let two = transport.exchange(with: endpoint)
                    _ = try await (one, two)
                    let kept = transport.statistics.connections
                    let error = await withTaskGroup(of: MeshError?.self) { group in
                        group.addTask {
                            await meshError { _ = try await transport.exchange(.get("/slow"), with: endpoint) }
                        }
                        await asked.wait()
                        group.cancelAll()
                        return await group.next() ?? nil
                    }
                    #expect(error?.code == .cancelled)
                    #expect(error?.origin == .downstream)
                    #expect(error?.requestState == .maybeSent)
                    await closed.wait()
                    try await transport.settle()
                    #expect(transport.statistics.connections == kept - 1)
                    #expect(transport.statistics.pendingRequests == 0)
                    let again = try await transport.exchange(with: endpoint)
                    #expect(again.body == "ok")
                }
            }
        }
    }

    @Test("by cancellation before it begins sends nothing")
    func cancelledBefore() async throws {
        try await LoopbackServer.serving { connection, _ in
            while try await connection.readHead() != nil { try await connection.write("ok".asResponse) }
        } while: { endpoint in
            try await withTransport { transport in
                let error = await withTaskGroup(of: MeshError?.self) { group in
                    group.cancelAll()
                    group.addTask { await meshError { _ = try await transport.exchange(with: endpoint) } }
                    return await group.next() ?? nil
                }
                #expect(error?.code == .cancelled)
                #expect(error?.requestState == .notSent)
            }
        }
    }

    @Test("by overflow is one that finds no place to wait; the others get their turn, and their permits back")
    func overflow() async throws {
        let asked = Signal()
        let go = Signal()
        try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                if head.hasPrefix("GET /slow") {
                    asked.set()
                    await go.wait()
                }
                try await connection.write("ok".asResponse)
            }
        } while: { endpoint in
            try await withTransport { transport in
                var endpoint = endpoint
                endpoint.maximumConnections = 1
                endpoint.maximumPendingRequests = 1
                let target = endpoint
                let executor = transport.executors.next()
                async let slow = transport.exchange(.get("/slow"), with: target)
                await asked.wait()
                try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask(executorPreference: executor) { try await transport.exchange(with: target).body }
                    // The child's first piece, up to its wait in the queue, is before this in the loop's own queue.
                    try await transport.settle()
                    #expect(transport.statistics.pendingRequests == 1)
                    let refused = await meshError { _ = try await transport.exchange(with: target) }
                    #expect(refused?.code == .overflow)
                    #expect(refused?.origin == .local)
                    #expect(refused?.requestState == .notSent)
                    go.set()
                    let waited = try await group.next()
                    #expect(waited == "ok")
                }
                let first = try await slow
                #expect(first.body == "ok")
                let last = try await transport.exchange(with: target)
                #expect(last.body == "ok")
                #expect(transport.statistics.connections == 1)
            }
        }
    }

    @Test("in the queue does so at its deadline, or by cancellation, without taking a connection")
    func endInQueue() async throws {
        let clock = ManualClock()
        let asked = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            asked.set()
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport {
                $0.clock = clock
            } _: { transport in
                var limited = endpoint
                limited.maximumConnections = 1
                let target = limited
                let executor = transport.executors.next()
                async let busy = meshError { _ = try await transport.exchange(with: target) }
                await asked.wait()
                func waiting(_ timeout: Nanoseconds?) async throws -> MeshError? {
                    try await withThrowingTaskGroup(of: MeshError?.self) { group in
                        group.addTask(executorPreference: executor) {
                            await meshError { _ = try await transport.exchange(with: target, timeout: timeout) }
                        }
                        // The child's first piece, up to its wait in the queue, is before this in the loop's own queue.
                        try await transport.settle()
                        #expect(transport.statistics.pendingRequests == 1)
                        if timeout == nil { group.cancelAll() } else { clock.advance(by: .milliseconds(10)) }
                        let error = try await group.next() ?? nil
                        #expect(transport.statistics.pendingRequests == 0)
                        return error
                    }
                }
                let late = try await waiting(.milliseconds(10))
                #expect(late?.code == .deadlineExceeded)
                #expect(late?.requestState == .notSent)
                let cancelled = try await waiting(nil)
                #expect(cancelled?.code == .cancelled)
                #expect(cancelled?.requestState == .notSent)
                #expect(transport.statistics.connections == 1)
                await transport.shutdown(gracePeriod: .zero)
                _ = await busy
                #expect(transport.statistics == HTTPTransport.Statistics())
            }
        }
    }

    @Test("for want of an identity, of an endpoint, or of sense says which")
    func unsendable() async throws {
        try await withTransport { transport in
            var endpoint = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1))
            endpoint.security = .mutualTLS(acceptedIdentities: [])
            let target = endpoint
            let noIdentity = await meshError { _ = try await transport.exchange(with: target) }
            #expect(noIdentity?.code == .connectionFailed)
            #expect(noIdentity?.origin == .local)
            #expect(noIdentity?.message.contains("ClientTLS") == true)

            var context = CallContext(now: MeshInstant(nanoseconds: 0))
            let noEndpoint = await meshError { _ = try await transport.send(.get("/"), context: &context) }
            #expect(noEndpoint?.code == .noHealthyUpstream)

            let smuggled = await meshError {
                _ = try await transport.exchange(.get("/ HTTP/1.1\r\nhost: evil\r\n\r\n"), with: target)
            }
            #expect(smuggled?.code == .invalidRequest)
            #expect(smuggled?.origin == .downstream)
        }
    }
}
