// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import Testing

/// Returns when the task is cancelled.
private func never() async {
    let silent = AsyncStream<Void>.makeStream()
    for await _ in silent.stream {}
    silent.continuation.finish()
}

@Suite("An exchange that is given up on its way to a connection", .timeLimit(.minutes(5)))
struct CancellationRaceIntegrationTests {
    private struct Broken: Error {}

    @Test("holds no connection, at whatever moment its caller cancels it")
    func cancellation() async throws {
        try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                if head.hasPrefix("GET /ok") { try await connection.write("ok".asResponse) }
            }
        } while: { endpoint in
            try await withTransport { transport in
                for round in 0..<400 {
                    // A kept connection, so that the start of the next exchange is all that the cancellation can meet.
                    _ = try await transport.exchange(.get("/ok"), with: endpoint)
                    let isStreamed = round.isMultiple(of: 2)
                    let error = await withTaskGroup(of: MeshError?.self) { group in
                        group.addTask {
                            let request: OutboundRequest =
                                isStreamed ? .post("/silent", .written { _ in await never() }) : .get("/silent")
                            return await meshError { _ = try await transport.exchange(request, with: endpoint) }
                        }
                        for _ in 0..<(round % 8) { await Task.yield() }
                        group.cancelAll()
                        return await group.next() ?? nil
                    }
                    #expect(error?.code == .cancelled)
                    // Start and end of the exchange are before this in the loop's own queue.
                    try await transport.settle()
                    let statistics = transport.statistics
                    #expect(statistics.connections == statistics.idleConnections)
                    #expect(statistics.pendingRequests == 0)
                }
            }
        }
    }

    @Test("by its body's producer gives its place in the queue back")
    func producerFailsInQueue() async throws {
        let asked = Signal()
        let go = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            asked.set()
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                var limited = endpoint
                limited.maximumConnections = 1
                let target = limited
                async let busy = meshError { _ = try await transport.exchange(with: target) }
                await asked.wait()
                let isBroken = try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        let body = RequestBody.written { _ in
                            await go.wait()
                            throw Broken()
                        }
                        do {
                            _ = try await transport.exchange(.post("/", body), with: target)
                            return false
                        } catch {
                            return error is Broken
                        }
                    }
                    while transport.statistics.pendingRequests == 0 { try await transport.settle() }
                    go.set()
                    return try await group.next() ?? false
                }
                #expect(isBroken)
                #expect(transport.statistics.pendingRequests == 0)
                await transport.shutdown(gracePeriod: .zero)
                _ = await busy
            }
        }
    }
}
