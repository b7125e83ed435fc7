// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshTesting
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Testing

@testable import MeshHTTP

@Suite("A connection of HTTP/2, in virtual time")
struct HTTP2ConnectionDriverTests {
    /// The body of an exchange, as far as it can be read without waiting.
    private func text(of exchange: Exchange) async throws -> String {
        String(buffer: try await ResponseBody(exchange: exchange).collect(upTo: 1 << 20))
    }

    @Test("is ready when its peer has sent its settings, and not before")
    func readiness() throws {
        let silent = try HTTP2Bench(greets: false)
        #expect(silent.events == [])
        try silent.advance(by: .seconds(5))
        #expect(silent.events == [.failed])
        #expect(!silent.client.isActive)
        let greeting = try HTTP2Bench()
        #expect(greeting.events == [.ready])
    }

    @Test("writes a request as RFC 9113 has it, and is free after its response")
    func exchange() async throws {
        let bench = try HTTP2Bench()
        let exchange = try bench.start(.post("/p", .text("body"), headerFields: [.init("X-Odd")!: "1"]))
        let frames = try bench.received()
        #expect(frames.map(\.payload.summary) == ["headers POST http reviews /p", "data 4 end"])
        guard case .headers(let headers) = frames[0].payload else { return }
        #expect(headers.headers.contains(name: "x-odd") && !headers.headers.contains(name: "host"))
        #expect(headers.headers.first(name: "content-length") == "4")
        #expect(exchange.requestState == .maybeSent)
        try bench.send((1, .head("200", [("content-type", "t")])), (1, .body("ok", isEnd: true)))
        #expect(exchange.requestState == .answered)
        #expect(bench.events == [.ready, .released])
        #expect(try await text(of: exchange) == "ok")
    }

    @Test("carries exchanges side by side, whatever order their answers come in")
    func sideBySide() async throws {
        let bench = try HTTP2Bench()
        let exchanges = try (0..<3).map { try bench.start(.get("/\($0)")) }
        try bench.send((5, .head("200")), (3, .head("200")), (1, .head("200")))
        try bench.send((3, .body("b", isEnd: true)), (5, .body("c")), (1, .body("a", isEnd: true)))
        try bench.send((5, .trailers([("x-end", "1")])))
        #expect(try await text(of: exchanges[0]) == "a")
        #expect(try await text(of: exchanges[1]) == "b")
        #expect(try await text(of: exchanges[2]) == "c")
        #expect(exchanges[2].trailers == [.init("x-end")!: "1"])
        #expect(bench.events == [.ready, .released, .released, .released])
    }

    @Test("sends trailers behind a body")
    func requestTrailers() throws {
        let bench = try HTTP2Bench()
        var request = OutboundRequest.post("/", .text("x"))
        request.trailers = [.init("X-Sum")!: "7"]
        _ = try bench.start(request)
        #expect(
            try bench.received().map(\.payload.summary) == ["headers POST http reviews /", "data 1", "headers  end"]
        )
    }

    @Test("gives requests back that its peer has not looked at, and finishes the others")
    func goAway() async throws {
        let bench = try HTTP2Bench()
        let seen = try bench.start(.get("/seen"))
        let unseen = try bench.start(.post("/unseen", .text("x")))
        try bench.send((0, .goAway(lastStreamID: 1, errorCode: .noError, opaqueData: nil)))
        #expect(bench.events == [.ready, .draining, .released, .resubmitted])
        #expect(unseen.isOpen && unseen.requestState == .notSent)
        #expect(seen.isOpen && seen.requestState == .maybeSent)
        _ = try bench.start(.get("/late"))
        #expect(bench.events.last == .resubmitted)
        try bench.send((1, .head("200")), (1, .body("ok", isEnd: true)))
        #expect(try await text(of: seen) == "ok")
        #expect(!bench.client.isActive)
        #expect(bench.events.last == .closed)
        #expect(bench.owner.endings.all.map(\.reason) == [.peerAnnounced])
        #expect(bench.owner.endings.all.map(\.goodbye) == ["NO_ERROR"])
    }

    @Test("says that a request was not sent when its peer refuses it again and again")
    func refused() throws {
        let bench = try HTTP2Bench()
        let exchange = try bench.makeExchange()
        for stream: Int32 in [1, 3] {
            bench.driver.start(exchange, resubmittingTo: bench.owner)
            try bench.pass()
            try bench.send((stream, .rstStream(.refusedStream)))
            #expect(exchange.isOpen && exchange.requestState == .notSent)
            #expect(bench.events.last == .resubmitted)
        }
        bench.driver.start(exchange, resubmittingTo: bench.owner)
        try bench.pass()
        try bench.send((5, .rstStream(.refusedStream)))
        #expect(bench.failure(of: exchange)?.code == .connectionClosed)
        #expect(bench.failure(of: exchange)?.requestState == .notSent)
    }

    @Test("fails just the exchange whose stream is reset, and says how far it came")
    func reset() async throws {
        let bench = try HTTP2Bench()
        let first = try bench.start()
        let second = try bench.start()
        let third = try bench.start()
        try bench.send((1, .rstStream(.internalError)), (3, .head("200")), (3, .body("part")))
        try bench.send((3, .rstStream(.cancel)))
        #expect(bench.failure(of: first)?.requestState == .maybeSent)
        #expect(bench.failure(of: first)?.message.contains("INTERNAL_ERROR") == true)
        #expect(bench.failure(of: second)?.requestState == .answered)
        var body = ResponseBody(exchange: second).makeAsyncIterator()
        #expect(try await body.next().map { String(buffer: $0) } == "part")
        await #expect(throws: MeshError.self) { try await body.next() }
        #expect(third.isOpen)
        #expect(bench.client.isActive)
    }

    @Test("resets exactly the stream whose caller gives up")
    func cancellation() throws {
        let bench = try HTTP2Bench()
        let kept = try bench.start()
        let given = try bench.start()
        _ = try bench.received()
        given.cancel()
        try bench.pass()
        let frames = try bench.received()
        #expect(frames.map(\.payload.summary) == ["reset CANCEL"])
        #expect(frames.map(\.streamID) == [3])
        #expect(kept.isOpen)
        #expect(bench.events == [.ready, .released])
    }

    @Test("ends exchanges at their deadlines, each at its own")
    func deadlines() throws {
        let bench = try HTTP2Bench()
        let late = try bench.start(timeout: .seconds(9))
        let soon = try bench.start(timeout: .seconds(3))
        let never = try bench.start()
        try bench.advance(by: Nanoseconds(rawValue: 2_999_999_999))
        #expect(soon.isOpen)
        try bench.advance(by: Nanoseconds(rawValue: 1))
        #expect(bench.failure(of: soon)?.code == .deadlineExceeded)
        #expect(late.isOpen)
        try bench.advance(by: .seconds(6))
        #expect(bench.failure(of: late)?.code == .deadlineExceeded)
        #expect(never.isOpen && bench.client.isActive)
        #expect(try bench.received().map(\.payload.summary).filter { $0 == "reset CANCEL" }.count == 2)
    }

    @Test("gives an attempt's deadline up when the head has come, and keeps the request's")
    func attemptDeadline() throws {
        let bench = try HTTP2Bench()
        let exchange = try bench.start(timeout: .seconds(10), attemptTimeout: .seconds(1))
        try bench.send((1, .head("200")))
        try bench.advance(by: .seconds(9))
        #expect(exchange.isOpen)
        try bench.advance(by: .seconds(1))
        #expect(bench.failure(of: exchange)?.code == .deadlineExceeded)
    }

    @Test("lets its peer send no more than a reader leaves unread, and goes on when it reads")
    func flowControl() async throws {
        let bench = try HTTP2Bench { $0.bodyBufferLimit = 16_384 }
        let exchange = try bench.start(highWatermark: 16_384)
        let piece = String(repeating: "x", count: 8_192)
        try bench.send((1, .head("200")), (1, .body(piece)), (1, .body(piece)))
        #expect(try bench.received().map(\.payload.summary) == ["headers GET http reviews / end"])
        var body = ResponseBody(exchange: exchange).makeAsyncIterator()
        var count = 0
        while count < 16_384 { count += try await body.next()?.readableBytes ?? 16_384 }
        try bench.pass()
        #expect(try bench.received().map(\.payload.summary) == ["window 16384"])
        try bench.send((1, .body(piece, isEnd: true)))
        #expect(try await body.next()?.readableBytes == 8_192)
        #expect(try await body.next() == nil)
    }

    @Test("fails just the exchange whose answer breaks the protocol")
    func streamViolations() throws {
        let bench = try HTTP2Bench(settings: [HTTP2Setting(parameter: .maxConcurrentStreams, value: 20)])
        let good = try bench.start()
        let breaches: [[HTTP2Frame.FramePayload]] = [
            [.head("abc", isEnd: true)],
            [.head("101", isEnd: true)],
            [.head("200", [("content-length", "5")]), .body("four", isEnd: true)],
            [.head("200", [("connection", "close")], isEnd: true)],
        ]
        for (index, breach) in breaches.enumerated() {
            let exchange = try bench.start()
            for payload in breach { try bench.send((Int32(3 + 2 * index), payload)) }
            #expect(bench.failure(of: exchange)?.code == .protocolViolation, "\(index)")
            #expect(good.isOpen && bench.client.isActive, "\(index)")
        }
        let twice = try bench.start()
        // HEADERS, END_HEADERS, `:status: 200`, which the peer's own implementation would not send twice.
        let head: [UInt8] = [0, 0, 1, 1, 4, 0, 0, 0, 11, 0x88]
        try bench.send(raw: head + head)
        #expect(bench.failure(of: twice)?.code == .protocolViolation)
        #expect(bench.failure(of: twice)?.requestState == .answered)
        try bench.send((1, .head("204", isEnd: true)))
        #expect(!good.isOpen && good.failure == nil)
        #expect(bench.driver.streams.isEmpty)
    }

    @Test("fails every exchange when its peer breaks the connection")
    func connectionViolation() throws {
        let bench = try HTTP2Bench()
        let exchanges = try [bench.start(), bench.start()]
        // DATA on stream 0 (RFC 9113 §6.1).
        try bench.send(raw: [0, 0, 1, 0, 0, 0, 0, 0, 0, 65])
        for exchange in exchanges { #expect(exchange.failure != nil) }
        #expect(!bench.client.isActive)
        #expect(bench.owner.endings.all.first?.activeRequests == 2)
        #expect(bench.owner.endings.all.first?.reason == .protocolError)
    }

    @Test("takes no more requests than it may carry, and closes after the last one")
    func maximumRequests() throws {
        let bench = try HTTP2Bench(options: ConnectionOptions(httpVersion: .http2, maximumRequests: 2))
        _ = try bench.start()
        _ = try bench.start()
        #expect(bench.events == [.ready, .draining])
        try bench.send((1, .head("204", isEnd: true)), (3, .head("204", isEnd: true)))
        #expect(bench.owner.endings.all.map(\.reason) == [.maximumRequests])
        #expect(!bench.client.isActive)
    }

    @Test("closes when it has been idle for long enough, or is old enough and done")
    func idleAndAge() throws {
        let idle = try HTTP2Bench(options: ConnectionOptions(httpVersion: .http2, idleTimeout: .seconds(5)))
        try idle.advance(by: .seconds(5))
        #expect(idle.owner.endings.all.map(\.reason) == [.idle])
        let old = try HTTP2Bench(options: ConnectionOptions(httpVersion: .http2, maximumAge: .seconds(5)))
        let exchange = try old.start()
        try old.advance(by: .seconds(5))
        #expect(exchange.isOpen && old.events == [.ready, .draining])
        try old.send((1, .head("204", isEnd: true)))
        #expect(exchange.failure == nil && old.owner.endings.all.map(\.reason) == [.age])
    }

    @Test("asks a silent peer whether it lives, and closes if it does not answer", arguments: [true, false])
    func keepalive(answers: Bool) throws {
        let options = ConnectionOptions(
            httpVersion: .http2,
            keepaliveInterval: .seconds(10),
            keepaliveTimeout: .seconds(2)
        )
        let bench = try HTTP2Bench(options: options)
        let exchange = try bench.start()
        try bench.advance(by: .seconds(10))
        if answers {
            try bench.advance(by: .seconds(30))
            #expect(try bench.received().map(\.payload.summary).contains("ping"))
            #expect(exchange.isOpen)
        } else {
            // From now on the bytes of the client go nowhere.
            bench.clock.advance(by: .seconds(13))
            bench.client.embeddedEventLoop.advanceTime(by: .seconds(10))
            bench.clock.advance(by: .seconds(2))
            bench.client.embeddedEventLoop.advanceTime(by: .seconds(2))
            #expect(bench.failure(of: exchange)?.code == .connectionClosed)
            #expect(bench.owner.endings.all.map(\.reason) == [.keepaliveTimeout])
        }
    }

    @Test("holds a body back until its peer wants it, or has said nothing for long enough", arguments: [true, false])
    func expectation(answers: Bool) throws {
        let bench = try HTTP2Bench()
        _ = try bench.start(.post("/", .text("body"), headerFields: [.expect: "100-continue"]))
        #expect(try bench.received().map(\.payload.summary) == ["headers POST http reviews /"])
        if answers { try bench.send((1, .head("100"))) } else { try bench.advance(by: .seconds(1)) }
        #expect(try bench.received().map(\.payload.summary) == ["data 4 end"])
        try bench.send((1, .head("204", isEnd: true)))
        #expect(bench.events == [.ready, .released])
    }

    @Test("does not send a body that its peer refuses, and ends the stream in peace")
    func refusedBody() throws {
        let bench = try HTTP2Bench()
        let exchange = try bench.start(.post("/", .text("body"), headerFields: [.expect: "100-continue"]))
        _ = try bench.received()
        try bench.send((1, .head("417", isEnd: true)))
        #expect(exchange.failure == nil && !exchange.isOpen)
        #expect(try bench.received().map(\.payload.summary) == ["reset NO_ERROR"])
        #expect(bench.client.isActive)
    }

    @Test("reads the little rest of an abandoned response, and resets one that is long")
    func abandoned() throws {
        let bench = try HTTP2Bench { $0.drainLimit = 100 }
        let short = try bench.start()
        let long = try bench.start()
        try bench.send((1, .head("200", [("content-length", "50")])), (3, .head("200", [("content-length", "500")])))
        _ = try bench.received()
        short.finish(.completed)
        long.finish(.completed)
        try bench.pass()
        #expect(
            try bench.received().map { "\($0.streamID) \($0.payload.summary)" } == ["HTTP2StreamID(3) reset CANCEL"]
        )
        try bench.send((1, .body(String(repeating: "x", count: 50), isEnd: true)))
        #expect(bench.events == [.ready, .released, .released])
        #expect(bench.driver.streams.isEmpty)
    }
}
