// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHPACK
import Testing

@testable import MeshHTTP

@Suite("A request on the wire")
struct WireRequestTests {
    private func wire(
        _ request: OutboundRequest,
        deadline: Deadline = .never,
        attemptDeadline: Deadline = .never,
        trace: TraceContext = .none
    ) throws -> WireRequest {
        var context = CallContext(now: MeshInstant(nanoseconds: 0), deadline: deadline)
        context.attemptDeadline = attemptDeadline
        return try WireRequest(
            request,
            trace: trace,
            deadline: context.headDeadline,
            endpoint: Endpoint(address: EndpointAddress(host: "10.0.0.1", port: 9080)),
            now: MeshInstant(nanoseconds: 0)
        )
    }

    @Test("names the host once: its authority, its own field, or the endpoint")
    func host() throws {
        let named = try wire(.get("/", headerFields: [HTTPField.Name("host")!: "other"]))
        #expect(named.sentFields["host"] == ["reviews"])
        var anonymous = OutboundRequest.get("/", headerFields: [HTTPField.Name("host")!: "other"])
        anonymous.head.authority = nil
        #expect(try wire(anonymous).sentFields["host"] == ["other"])
        anonymous.head.headerFields = [:]
        #expect(try wire(anonymous).sentFields["host"] == ["10.0.0.1:9080"])
    }

    @Test(
        "never has a request target that ends early",
        arguments: ["", "x", "*", "/a b", "/a\r\nx: y", "/a\u{0}b", "/a\u{7F}b", "/a#b", "/\tx"]
    )
    func target(path: String) {
        #expect(throws: MeshError.self) { try wire(.get(path)) }
    }

    @Test("never has an authority that is more than one", arguments: ["", "a b", "a/b", "u@a", "a\r\nb", "ä", "a\\b"])
    func authority(text: String) {
        var request = OutboundRequest.get("/")
        request.head.authority = text
        #expect(throws: MeshError.self) { try wire(request) }
    }

    @Test("is refused for CONNECT, and passes OPTIONS for the whole server")
    func methods() throws {
        var request = OutboundRequest.get("*")
        request.head.method = .options
        #expect(try wire(request).path == "*")
        request.head.method = .connect
        #expect(throws: MeshError.self) { try wire(request) }
    }

    @Test("frames its body in exactly one way, whatever the application says")
    func framing() throws {
        func fields(_ request: OutboundRequest) throws -> [String] {
            let headers = try wire(request).sentFields
            return headers["content-length"].map { "length \($0)" } + headers["transfer-encoding"]
        }
        let own: HTTPFields = [.contentLength: "99", .transferEncoding: "gzip, chunked"]
        #expect(try fields(.get("/", headerFields: own)) == [])
        #expect(try fields(.post("/", .none, headerFields: own)) == ["length 0"])
        #expect(try fields(.post("/", .text("four"), headerFields: own)) == ["length 4"])
        #expect(try fields(.post("/", .written { _ in }, headerFields: own)) == ["length 99"])
        #expect(try fields(.post("/", .written { _ in })) == ["chunked"])
        var trailed = OutboundRequest.post("/", .text("four"), headerFields: own)
        trailed.trailers = [.server: "x"]
        #expect(try fields(trailed) == ["chunked"])
        var several = OutboundRequest.post("/", .written { _ in })
        several.head.headerFields.append(HTTPField(name: .contentLength, value: "1"))
        several.head.headerFields.append(HTTPField(name: .contentLength, value: "2"))
        #expect(throws: MeshError.self) { try wire(several) }
        for length in ["-1", "+1", "0x10", "1 1", "99999999999999999999"] {
            #expect(throws: MeshError.self) {
                try wire(.post("/", .written { _ in }, headerFields: [.contentLength: length]))
            }
        }
    }

    @Test("carries no field that is between two hops only, but for a wish to close")
    func hopByHop() throws {
        let request = OutboundRequest.get(
            "/",
            headerFields: [
                .connection: "keep-alive, x-secret", .upgrade: "h2c", .te: "gzip", HTTPField.Name("keep-alive")!: "5",
                HTTPField.Name("proxy-connection")!: "x", .accept: "*/*",
            ]
        )
        let plain = try wire(request)
        #expect(plain.sentFields.names == ["host", "Accept"])
        #expect(!plain.closesConnection)
        var closing = request
        closing.head.headerFields[.connection] = "Close"
        #expect(try wire(closing).closesConnection)
        #expect(try wire(closing).sentFields["connection"] == ["close"])
    }

    @Test("tells the time that is left until the earlier of the request's and the attempt's deadline")
    func timeLeft() throws {
        func told(_ deadline: Deadline, _ attemptDeadline: Deadline) throws -> [String] {
            try wire(.get("/"), deadline: deadline, attemptDeadline: attemptDeadline)
                .sentFields["x-envoy-expected-rq-timeout-ms"]
        }
        let soon = Deadline(MeshInstant(nanoseconds: 250_000_000))
        let late = Deadline(MeshInstant(nanoseconds: 10_000_000_000))
        #expect(try told(late, soon) == ["250"])
        #expect(try told(soon, late) == ["250"])
        #expect(try told(.never, soon) == ["250"])
        #expect(try told(.never, .never) == [])
    }

    @Test("replaces trace and time left only where the mesh has its own")
    func meshFields() throws {
        let own: HTTPFields = [
            HTTPField.Name("traceparent")!: "own", HTTPField.Name("tracestate")!: "own=1",
            HTTPField.Name("x-envoy-expected-rq-timeout-ms")!: "7",
        ]
        let untouched = try wire(.get("/", headerFields: own)).sentFields
        #expect(untouched["traceparent"] == ["own"])
        #expect(untouched["x-envoy-expected-rq-timeout-ms"] == ["7"])
        let replaced = try wire(
            .get("/", headerFields: own),
            deadline: Deadline(MeshInstant(nanoseconds: 1_500_000)),
            trace: TraceContext(traceIDHigh: 1, traceIDLow: 2, spanID: 3, flags: 0)
        ).sentFields
        #expect(replaced["traceparent"] == ["00-00000000000000010000000000000002-0000000000000003-00"])
        #expect(replaced["tracestate"] == [])
        #expect(replaced["x-envoy-expected-rq-timeout-ms"] == ["2"])
    }

    @Test("is the same in HTTP/1.1 and HTTP/2, byte for byte as its parts say")
    func wholeHead() throws {
        var request = OutboundRequest.post(
            "/a?b=%20",
            .text("four"),
            headerFields: [.accept: "*/*", HTTPField.Name("X-Odd")!: "ä \u{1}", .te: "trailers"]
        )
        request.head.headerFields.append(HTTPField(name: .accept, value: ""))
        let sent = try wire(
            request,
            deadline: Deadline(MeshInstant(nanoseconds: 12_345_000_000)),
            trace: TraceContext(
                traceIDHigh: 0x0123_4567_89AB_CDEF,
                traceIDLow: 0xFEDC_BA98_7654_3210,
                spanID: 0xA09F_0000_0000_0001,
                flags: 0xAF,
                state: "a=1"
            )
        )
        let lines = [
            "POST /a?b=%20 HTTP/1.1", "host: reviews", "Accept: */*", "X-Odd: \(request.head.headerFields[odd] ?? "")",
            "TE: trailers", "Accept: ",
            "traceparent: 00-0123456789abcdeffedcba9876543210-a09f000000000001-af", "tracestate: a=1",
            "x-envoy-expected-rq-timeout-ms: 12345", "content-length: 4", "", "",
        ]
        #expect(sent.http1Head == lines.joined(separator: "\r\n"))
        let inHTTP2 = sent.http2Headers(isSecured: false).map { "\($0.name): \($0.value)" }
        let fields = lines.dropFirst(2).dropLast(2).map { line in
            line.prefix { $0 != ":" }.lowercased() + line.drop { $0 != ":" }
        }
        #expect(inHTTP2 == [":method: POST", ":scheme: http", ":authority: reviews", ":path: /a?b=%20"] + fields)
    }

    @Test("writes numbers and identifiers of every size")
    func numbers() throws {
        for milliseconds in [1, 9, 10, 99, 100, 12_345_678_901] as [UInt64] {
            let sent = try wire(.get("/"), deadline: Deadline(MeshInstant(nanoseconds: milliseconds * 1_000_000)))
            #expect(sent.sentFields["x-envoy-expected-rq-timeout-ms"] == ["\(milliseconds)"])
        }
        for number in [1, 0x0F, 0x9A, 0xA9, 0xFFFF_FFFF, 0x1_0000_0000, .max] as [UInt64] {
            let trace = TraceContext(traceIDHigh: 0, traceIDLow: number, spanID: number, flags: 1)
            let digits = String(number, radix: 16)
            let padded = String(repeating: "0", count: 16 - digits.count) + digits
            #expect(trace.traceparent == "00-0000000000000000\(padded)-\(padded)-01")
            #expect(TraceContext(traceparent: trace.traceparent) == trace)
        }
    }

    private let odd = HTTPField.Name("X-Odd")!
}

/// The fields of a head as it was written.
private struct SentFields {
    var lines: [(name: String, value: String)]

    var names: [String] { lines.map(\.name) }

    subscript(name: String) -> [String] {
        lines.filter { $0.name.lowercased() == name }.map(\.value)
    }
}

extension WireRequest {
    fileprivate var http1Head: String {
        var buffer = ByteBuffer()
        writeHTTP1Head(to: &buffer)
        return String(buffer: buffer)
    }

    fileprivate var sentFields: SentFields {
        SentFields(
            lines: http1Head.split(separator: "\r\n").dropFirst().map { line in
                let name = line.prefix { $0 != ":" }
                return (String(name), String(line.dropFirst(name.count + 2)))
            }
        )
    }
}
