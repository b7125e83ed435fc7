// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Testing

@Suite("An exchange over a real socket", .timeLimit(.minutes(5)))
struct ExchangeIntegrationTests {
    @Test("keeps its connection for the next one")
    func keepAlive() async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            while let head = try await connection.readHead() {
                try await connection.write(head.firstLine.asResponse)
            }
        } while: { endpoint in
            try await withTransport { transport in
                for index in 0..<5 {
                    let answer = try await transport.exchange(.get("/\(index)"), with: endpoint)
                    #expect(answer.status == 200)
                    #expect(answer.body == "GET /\(index) HTTP/1.1")
                }
                #expect(transport.statistics.connections == 1)
                #expect(transport.statistics.idleConnections == 1)
            }
        }
        #expect(numbers.all == [0])
    }

    @Test("carries the authority, the trace and the time left, in place of the application's own")
    func meshFields() async throws {
        let heads = Recorder<String>()
        try await LoopbackServer.serving { connection, _ in
            while let head = try await connection.readHead() {
                heads.append(head)
                try await connection.write("".asResponse)
            }
        } while: { endpoint in
            try await withTransport { transport in
                var context = transport.callContext(endpoint, timeout: .seconds(30))
                context.trace = TraceContext(traceIDHigh: 1, traceIDLow: 2, spanID: 3, flags: 1, state: "a=b")
                let own: HTTPFields = [
                    HTTPField.Name("traceparent")!: "00-ff-ff-00", HTTPField.Name("tracestate")!: "old=1",
                    HTTPField.Name("x-envoy-expected-rq-timeout-ms")!: "99999999", .transferEncoding: "chunked",
                    .userAgent: "test",
                ]
                try await transport.withResponse(to: .get("/p?q=1", headerFields: own), context: &context) { _ in }
            }
        }
        let lines = try #require(heads.all.first).split(separator: "\r\n").map { String($0).lowercased() }
        #expect(lines.first == "get /p?q=1 http/1.1")
        #expect(lines.filter { $0.hasPrefix("host:") } == ["host: reviews"])
        #expect(
            lines.filter { $0.hasPrefix("traceparent:") }
                == ["traceparent: 00-00000000000000010000000000000002-0000000000000003-01"]
        )
        #expect(lines.filter { $0.hasPrefix("tracestate:") } == ["tracestate: a=b"])
        #expect(lines.filter { $0.hasPrefix("transfer-encoding:") }.isEmpty)
        #expect(lines.contains("user-agent: test"))
        let left = lines.filter { $0.hasPrefix("x-envoy-expected-rq-timeout-ms:") }
        #expect(left.count == 1)
        let milliseconds = try #require(left.first?.split(separator: " ").last.flatMap { Int($0) })
        #expect((20_000...30_000).contains(milliseconds))
    }

    @Test("reads a chunked body and the trailers behind it")
    func chunkedWithTrailers() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            try await connection.write("6\r\n world\r\n0\r\nx-checksum: 42\r\n\r\n")
            _ = try await connection.readHead()
        } while: { endpoint in
            try await withTransport { transport in
                let answer = try await transport.exchange(with: endpoint)
                #expect(answer.body == "hello world")
                #expect(answer.trailers?[HTTPField.Name("x-checksum")!] == "42")
                #expect(transport.statistics.idleConnections == 1)
            }
        }
    }

    @Test("sends a body held in memory, and one with trailers")
    func requestBodies() async throws {
        try await LoopbackServer.serving { connection, _ in
            let first = try await connection.readHead() ?? ""
            #expect(first.contains("content-length: 5"))
            let body = try await connection.read(5)
            try await connection.write(try #require(body).asResponse)
            let second = try await connection.readHead() ?? ""
            #expect(second.contains("transfer-encoding: chunked"))
            let chunked = try await connection.read(through: "\r\n\r\n")
            try await connection.write(try #require(chunked).asResponse)
        } while: { endpoint in
            try await withTransport { transport in
                let answer1 = try await transport.exchange(.post("/", .text("hello")), with: endpoint)
                #expect(answer1.body == "hello")
                var request = OutboundRequest.post("/", .text("hello"))
                request.trailers = [HTTPField.Name("x-sum")!: "1"]
                let answer = try await transport.exchange(request, with: endpoint)
                #expect(answer.body == "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n")
            }
        }
    }

    @Test("has no body after HEAD, 204 and 304, whatever the length says; 1xx is passed over")
    func bodiless() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 204 No Content\r\n\r\n")
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n")
            _ = try await connection.readHead()
        } while: { endpoint in
            try await withTransport { transport in
                var head = OutboundRequest.get("/")
                head.head.method = .head
                let answers = [
                    try await transport.exchange(head, with: endpoint),
                    try await transport.exchange(with: endpoint),
                    try await transport.exchange(with: endpoint),
                ]
                #expect(answers.map(\.status) == [200, 204, 304])
                #expect(answers.map(\.body) == ["", "", ""])
                #expect(transport.statistics.connections == 1)
            }
        }
    }

    @Test("ends its connection when either side says close", arguments: [true, false])
    func connectionClose(byServer: Bool) async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            let head = try await connection.readHead() ?? ""
            #expect(head.contains("connection: close") != byServer)
            let field = byServer ? "connection: close\r\n" : ""
            try await connection.write("HTTP/1.1 200 OK\r\n\(field)content-length: 2\r\n\r\nok")
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                for _ in 0..<2 {
                    let request = OutboundRequest.get("/", headerFields: byServer ? [:] : [.connection: "close"])
                    let answer2 = try await transport.exchange(request, with: endpoint)
                    #expect(answer2.body == "ok")
                }
            }
        }
        #expect(numbers.all == [0, 1])
    }

    @Test("reads a body that ends with its connection")
    func bodyToEnd() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\n\r\nall ")
            try await connection.write("of it")
        } while: { endpoint in
            try await withTransport { transport in
                let answer3 = try await transport.exchange(with: endpoint)
                #expect(answer3.body == "all of it")
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("lets a slow reader slow the server down, and loses nothing")
    func backPressure() async throws {
        let size = 8 << 20
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: \(size)\r\n\r\n")
            let chunk = String(repeating: "x", count: 1 << 16)
            for _ in 0..<(size >> 16) { try await connection.write(chunk) }
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                var context = transport.callContext(endpoint)
                try await transport.withResponse(to: .get("/"), context: &context) { response in
                    var count = 0
                    for try await chunk in response.body {
                        // A chunk is never larger than a read, however much the server has sent meanwhile.
                        #expect(chunk.readableBytes <= 1 << 20)
                        count += chunk.readableBytes
                        await Task.yield()
                    }
                    #expect(count == size)
                }
                #expect(transport.statistics.idleConnections == 1)
            }
        }
    }

    @Test("runs on the caller's loop when the caller does, and anywhere else", arguments: [true, false])
    func callers(onLoop: Bool) async throws {
        try await LoopbackServer.serving { connection, _ in
            while try await connection.readHead() != nil { try await connection.write("ok".asResponse) }
        } while: { endpoint in
            try await withTransport(loops: 2) { transport in
                let executor = transport.executors.next()
                try await withTaskExecutorPreference(onLoop ? executor : nil) { () async throws -> Void in
                    for _ in 0..<20 {
                        let answer = try await transport.exchange(with: endpoint)
                        #expect(answer.body == "ok")
                        #expect(executor.eventLoop.inEventLoop == onLoop)
                    }
                }
                #expect(transport.statistics.connections == 1)
            }
        }
    }
}
