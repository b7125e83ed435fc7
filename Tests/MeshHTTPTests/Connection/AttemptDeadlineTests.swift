// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite("The deadline of an attempt, in virtual time")
struct AttemptDeadlineTests {
    private let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"

    private func begin(_ bench: ConnectionBench, timeout: Nanoseconds? = .seconds(10)) throws -> Exchange {
        try bench.start(timeout: timeout, attemptTimeout: .milliseconds(250))
    }

    @Test("ends an exchange whose head is late, and its connection")
    func slowHead() throws {
        let bench = try ConnectionBench()
        let exchange = try begin(bench)
        bench.advance(by: Nanoseconds(rawValue: 249_999_999))
        #expect(exchange.isOpen)
        bench.advance(by: Nanoseconds(rawValue: 1))
        #expect(bench.failure(of: exchange)?.code == .deadlineExceeded)
        #expect(bench.failure(of: exchange)?.requestState == .maybeSent)
        #expect(bench.events == [.ready, .closed])
    }

    @Test("is over with the head: a slow body has the time that the request has", arguments: [true, false])
    func slowBody(hasTimeout: Bool) throws {
        let bench = try ConnectionBench()
        let exchange = try begin(bench, timeout: hasTimeout ? .seconds(10) : nil)
        bench.advance(by: .milliseconds(20))
        bench.receive(head)
        for _ in 0..<9 { bench.advance(by: .seconds(1)) }
        #expect(exchange.isOpen)
        bench.receive("ok")
        #expect(!exchange.isOpen && exchange.failure == nil)
        #expect(bench.events == [.ready, .released])
    }

    @Test("gives way to the request's own, which ends a slow body")
    func requestDeadline() throws {
        let bench = try ConnectionBench()
        let exchange = try begin(bench)
        bench.receive(head)
        bench.advance(by: .milliseconds(250))
        bench.advance(by: Nanoseconds(rawValue: 9_749_999_999))
        #expect(exchange.isOpen)
        bench.advance(by: Nanoseconds(rawValue: 1))
        #expect(bench.failure(of: exchange)?.code == .deadlineExceeded)
        #expect(bench.failure(of: exchange)?.requestState == .answered)
        #expect(bench.events == [.ready, .closed])
    }

    @Test("holds anew for the next exchange of a connection")
    func nextExchange() throws {
        let bench = try ConnectionBench()
        _ = try begin(bench)
        bench.receive(head)
        bench.advance(by: .seconds(1))
        bench.receive("ok")
        let next = try begin(bench)
        bench.advance(by: .milliseconds(249))
        #expect(next.isOpen)
        bench.advance(by: .milliseconds(1))
        #expect(bench.failure(of: next)?.code == .deadlineExceeded)
        #expect(bench.events == [.ready, .released, .closed])
    }
}
