// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MeshHTTP

@Suite("A connection, in virtual time")
struct HTTP1ConnectionDriverTests {
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    @Test("writes a request in one go, and is free after its response")
    func exchange() throws {
        let bench = try ConnectionBench()
        #expect(bench.events == [.ready])
        let exchange = try bench.start(.post("/p", .text("body")))
        #expect(try bench.written() == "POST /p HTTP/1.1\r\nhost: reviews\r\ncontent-length: 4\r\n\r\nbody")
        #expect(exchange.requestState == .maybeSent)
        bench.receive(ok)
        #expect(exchange.requestState == .answered)
        #expect(!exchange.isOpen && exchange.failure == nil)
        #expect(bench.events == [.ready, .released])
        _ = try bench.start()
        #expect(try bench.written().hasPrefix("GET / HTTP/1.1"))
    }

    @Test(
        "understands a response that arrives byte by byte",
        arguments: [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n",
        ]
    )
    func byteByByte(text: String) throws {
        let bench = try ConnectionBench()
        let exchange = try bench.start()
        for byte in text.utf8 {
            #expect(exchange.isOpen)
            bench.receive([byte])
        }
        #expect(!exchange.isOpen && exchange.failure == nil)
        #expect(bench.events == [.ready, .released])
    }

    @Test("ends an exchange at its deadline, and not before; a deadline costs no timer of its own")
    func deadline() throws {
        let bench = try ConnectionBench()
        for _ in 0..<3 {
            _ = try bench.start(timeout: .seconds(10))
            bench.receive(ok)
            bench.advance(by: .seconds(4))
        }
        let exchange = try bench.start(timeout: .seconds(10))
        bench.advance(by: Nanoseconds(rawValue: 9_999_999_999))
        #expect(exchange.isOpen)
        bench.advance(by: Nanoseconds(rawValue: 1))
        #expect(bench.failure(of: exchange)?.code == .deadlineExceeded)
        #expect(bench.failure(of: exchange)?.requestState == .maybeSent)
        #expect(bench.events.last == .closed)
        #expect(!bench.channel.isActive)
    }

    @Test("closes after its idle time, counted from the last response")
    func idle() throws {
        let bench = try ConnectionBench { $0.idleTimeout = .seconds(60) }
        _ = try bench.start(timeout: .seconds(5))
        bench.receive(ok)
        bench.advance(by: .seconds(59))
        _ = try bench.start()
        bench.receive(ok)
        bench.advance(by: .seconds(59))
        #expect(bench.channel.isActive)
        bench.advance(by: .seconds(1))
        #expect(bench.events.suffix(2) == [.idle, .closed])
    }

    @Test("is closed and not released when it has become too old")
    func age() throws {
        let bench = try ConnectionBench { $0.maximumConnectionAge = .seconds(10) }
        _ = try bench.start()
        bench.advance(by: .seconds(11))
        bench.receive(ok)
        #expect(bench.events == [.ready, .closed])
    }

    @Test("says so when the peer ends it under an exchange, and only then")
    func broken() throws {
        let idle = try ConnectionBench()
        idle.channel.close(promise: nil)
        #expect(idle.events == [.ready, .closed])
        let busy = try ConnectionBench()
        let exchange = try busy.start()
        busy.channel.close(promise: nil)
        #expect(busy.failure(of: exchange)?.code == .connectionClosed)
        #expect(busy.events == [.ready, .broken, .closed])
        let wrong = try ConnectionBench()
        _ = try wrong.start()
        wrong.receive("SSH-2.0-OpenSSH\r\n")
        #expect(wrong.events == [.ready, .closed])
    }

    @Test("hands an exchange back, unsent, that comes after it was closed")
    func lateExchange() throws {
        let bench = try ConnectionBench()
        bench.channel.close(promise: nil)
        let exchange = try bench.start()
        #expect(exchange.isOpen && exchange.requestState == .notSent)
        #expect(bench.events == [.ready, .closed, .resubmitted])
    }

    @Test("writes nothing for an exchange that was cancelled on its way, and stays free")
    func cancelledBefore() throws {
        let bench = try ConnectionBench()
        let cancelled = try ConnectionBench().start()
        cancelled.cancel()
        bench.driver.start(cancelled, resubmittingTo: bench.owner)
        #expect(try bench.written().isEmpty)
        #expect(bench.events == [.ready, .released])
    }

    @Test("ends with an exchange that is cancelled, whose error says how far it came")
    func cancelled() throws {
        let bench = try ConnectionBench()
        let exchange = try bench.start()
        exchange.cancel()
        #expect(bench.failure(of: exchange)?.code == .cancelled)
        #expect(bench.failure(of: exchange)?.requestState == .maybeSent)
        #expect(bench.events == [.ready, .closed])
    }

    @Test("stops reading while the reader is slow")
    func backPressure() throws {
        let bench = try ConnectionBench()
        let reads = ReadCounter()
        try bench.channel.pipeline.syncOperations.addHandler(reads, position: .first)
        let exchange = try bench.start()
        bench.channel.read()
        #expect(reads.count == 1)
        bench.receive("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + String(repeating: "x", count: 63))
        bench.channel.read()
        #expect(reads.count == 2)
        bench.receive("x")
        bench.channel.read()
        #expect(reads.count == 2, "64 bytes wait, which is the limit")
        bench.driver.resumeReading(exchange)
        #expect(reads.count == 3)
        bench.receive("x")
        bench.channel.read()
        #expect(reads.count == 3)
        exchange.finish(.completed)
        #expect(reads.count == 4, "a rest that is drained is read")
    }

    @Test("gives up a rest that does not come")
    func drainTimeout() throws {
        let bench = try ConnectionBench { $0.drainTimeout = .seconds(1) }
        let exchange = try bench.start()
        bench.receive("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx")
        exchange.finish(.completed)
        #expect(bench.channel.isActive)
        bench.advance(by: .seconds(1))
        #expect(bench.events == [.ready, .closed])
    }

    @Test(
        "uses no bytes behind a response for the next exchange",
        arguments: ["HTTP/1.1 200 OK\r\n\r\n", "x", "\r\n\r\n"]
    )
    func leftover(text: String) throws {
        let bench = try ConnectionBench()
        let exchange = try bench.start()
        bench.receive(ok + text)
        #expect(!exchange.isOpen && exchange.failure == nil)
        let isHarmless = text == "\r\n\r\n"
        #expect(bench.events == (isHarmless ? [.ready, .released] : [.ready, .closed]))
    }

    @Test("closes when something comes unasked while it is idle")
    func unasked() throws {
        let bench = try ConnectionBench()
        bench.receive(ok)
        #expect(bench.events == [.ready, .closed])
    }
}

/// Counts the reads that reach the transport.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
