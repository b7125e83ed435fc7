// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import MeshHTTP

/// A cancellation and the start of the exchange may come in either order, and in no other: each ends all of it.
@Suite("An exchange of a pool that is cancelled as it starts")
struct ExchangeCancellationTests {
    private let registry: PoolRegistry
    private let pool: ConnectionPool
    private let bench: ConnectionBench

    init() throws {
        let configuration = HTTPTransport.Configuration()
        let executors = EventLoopExecutors(configuration.eventLoopGroup)
        registry = PoolRegistry(configuration: configuration, executors: executors)
        pool = ConnectionPool(Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1)), registry: registry)
        bench = try ConnectionBench()
    }

    /// An exchange that a pool has promised its connection to.
    private func promised(isStreamed: Bool) throws -> Exchange {
        let exchange = try bench.makeExchange(isStreamed ? .post("/", .written { _ in }) : .get("/"))
        exchange.entered(pool, as: 1)
        return exchange
    }

    @Test("just after it has begun ends with its connection", arguments: [true, false])
    func begunFirst(isStreamed: Bool) throws {
        let exchange = try promised(isStreamed: isStreamed)
        bench.driver.start(exchange, resubmittingTo: bench.owner)
        exchange.cancel()
        #expect(bench.failure(of: exchange)?.code == .cancelled)
        #expect(bench.failure(of: exchange)?.requestState == .maybeSent)
        #expect(bench.events == [.ready, .closed])
    }

    @Test("just before never begins, and its connection takes the next one", arguments: [true, false])
    func cancelledFirst(isStreamed: Bool) throws {
        let exchange = try promised(isStreamed: isStreamed)
        exchange.cancel()
        bench.driver.start(exchange, resubmittingTo: bench.owner)
        #expect(bench.failure(of: exchange)?.code == .cancelled)
        #expect(bench.failure(of: exchange)?.requestState == .notSent)
        #expect(try bench.written().isEmpty)
        #expect(bench.events == [.ready, .released])
        let next = try bench.start()
        #expect(try bench.written().hasPrefix("GET / "))
        #expect(next.isOpen)
    }

    @Test("just before, on a connection that is gone, asks for no other")
    func resubmitted() throws {
        let exchange = try promised(isStreamed: false)
        bench.channel.close(promise: nil)
        exchange.cancel()
        bench.driver.start(exchange, resubmittingTo: pool)
        #expect(exchange.requestState == .notSent)
        #expect(registry.statistics == HTTPTransport.Statistics())
    }
}
