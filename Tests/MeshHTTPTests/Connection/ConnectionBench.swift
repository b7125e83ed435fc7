// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshTesting
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import MeshHTTP

/// A connection without a network: bytes go in and out by hand, and time is virtual.
final class ConnectionBench {
    /// Notes what the connection says, and lets it live.
    final class Owner: ConnectionOwner {
        enum Event: Equatable {
            case ready, failed, released, broken, closed, idle, resubmitted, draining
        }

        let events = Recorder<Event>()
        let endings = Recorder<ConnectionEnding>()
        let noticed = Recorder<ConnectionEvent>()
        let endpoint: Endpoint

        init(_ endpoint: Endpoint) {
            self.endpoint = endpoint
        }

        func connectionReady(_ connection: HTTPConnection, capacity: Int, after: Nanoseconds) { events.append(.ready) }
        func connectFailed(_ id: Int, cause: any Error) { events.append(.failed) }
        func connectionReleased(_ connection: HTTPConnection) { events.append(.released) }
        func connectionCapacityChanged(_ connection: HTTPConnection, to capacity: Int) {}
        func connectionDraining(_ connection: HTTPConnection, _ reason: ConnectionClosing) { events.append(.draining) }
        func resubmit(_ exchange: Exchange) { events.append(.resubmitted) }
        func noticed(_ event: ConnectionEvent) { noticed.append(event) }

        func connectionBroken(_ connection: HTTPConnection) { events.append(.broken) }

        func connectionClosed(_ connection: HTTPConnection, _ ending: ConnectionEnding) {
            events.append(.closed)
            endings.append(ending)
        }

        func idleTimedOut(_ connection: HTTPConnection) -> Bool {
            events.append(.idle)
            return true
        }
    }

    let clock = ManualClock()
    let owner: Owner
    let channel: EmbeddedChannel
    let driver: HTTP1ConnectionDriver

    init(
        options: ConnectionOptions = ConnectionOptions(),
        isSecured: Bool = false,
        _ configure: (inout HTTPTransport.Configuration) -> Void = { _ in }
    ) throws {
        var configuration = HTTPTransport.Configuration(clock: clock)
        configure(&configuration)
        owner = Owner(Endpoint(address: EndpointAddress(host: "127.0.0.1", port: 1), connection: options))
        channel = EmbeddedChannel()
        driver = try channel.pipeline.syncOperations.addHTTP1(configuration, isSecured: isSecured)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        driver.activate(for: owner, as: 1, dialedAt: clock.now)
    }

    var events: [Owner.Event] { owner.events.all }

    /// A request that is on no connection yet.
    func makeExchange(
        _ request: OutboundRequest = .get("/"),
        timeout: Nanoseconds? = nil,
        attemptTimeout: Nanoseconds? = nil
    ) throws -> Exchange {
        let now = clock.now
        var context = CallContext(now: now, deadline: timeout.map { Deadline($0, after: now) } ?? .never)
        if let attemptTimeout { context.attemptDeadline = Deadline(attemptTimeout, after: now) }
        context.endpoint = owner.endpoint
        return Exchange(
            try WireRequest(
                request,
                trace: context.trace,
                deadline: context.headDeadline,
                endpoint: owner.endpoint,
                now: now
            ),
            to: owner.endpoint,
            deadline: context.deadline,
            headDeadline: context.headDeadline,
            loop: nil,
            highWatermark: 64
        )
    }

    /// Puts a request on the connection.
    func start(
        _ request: OutboundRequest = .get("/"),
        timeout: Nanoseconds? = nil,
        attemptTimeout: Nanoseconds? = nil
    ) throws -> Exchange {
        let exchange = try makeExchange(request, timeout: timeout, attemptTimeout: attemptTimeout)
        driver.start(exchange, resubmittingTo: owner)
        return exchange
    }

    /// What the client has written since the last call.
    func written() throws -> String {
        var text = ""
        while let part = try channel.readOutbound(as: IOData.self) {
            if case .byteBuffer(let buffer) = part { text += String(buffer: buffer) }
        }
        return text
    }

    /// Bytes of the server's, as one read.
    func receive(_ text: String) {
        // A parser's error goes through the pipeline, and nowhere else.
        _ = try? channel.writeInbound(ByteBuffer(string: text))
    }

    func receive(_ bytes: some Sequence<UInt8>) {
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// Lets time pass, for deadlines and for the loop.
    func advance(by span: Nanoseconds) {
        clock.advance(by: span)
        channel.embeddedEventLoop.advanceTime(by: TimeAmount(span))
    }

    func failure(of exchange: Exchange) -> MeshError? { exchange.failure as? MeshError }
}
