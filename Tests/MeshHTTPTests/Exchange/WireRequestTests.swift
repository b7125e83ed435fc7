// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1
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
        var context = CallContext(now: MeshInstant(nanoseconds: 0), deadline: deadline, trace: trace)
        context.attemptDeadline = attemptDeadline
        context.endpoint = Endpoint(address: EndpointAddress(host: "10.0.0.1", port: 9080))
        return try WireRequest(request, context: context, now: MeshInstant(nanoseconds: 0))
    }

    @Test("names the host once: its authority, its own field, or the endpoint")
    func host() throws {
        let named = try wire(.get("/", headerFields: [HTTPField.Name("host")!: "other"]))
        #expect(named.head.headers["host"] == ["reviews"])
        var anonymous = OutboundRequest.get("/", headerFields: [HTTPField.Name("host")!: "other"])
        anonymous.head.authority = nil
        #expect(try wire(anonymous).head.headers["host"] == ["other"])
        anonymous.head.headerFields = [:]
        #expect(try wire(anonymous).head.headers["host"] == ["10.0.0.1:9080"])
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
        #expect(try wire(request).head.uri == "*")
        request.head.method = .connect
        #expect(throws: MeshError.self) { try wire(request) }
    }

    @Test("frames its body in exactly one way, whatever the application says")
    func framing() throws {
        func fields(_ request: OutboundRequest) throws -> [String] {
            let headers = try wire(request).head.headers
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
        #expect(plain.head.headers.map(\.name) == ["host", "Accept"])
        #expect(!plain.closesConnection)
        var closing = request
        closing.head.headerFields[.connection] = "Close"
        #expect(try wire(closing).closesConnection)
        #expect(try wire(closing).head.headers["connection"] == ["close"])
    }

    @Test("tells the time that is left until the earlier of the request's and the attempt's deadline")
    func timeLeft() throws {
        func told(_ deadline: Deadline, _ attemptDeadline: Deadline) throws -> [String] {
            try wire(.get("/"), deadline: deadline, attemptDeadline: attemptDeadline)
                .head.headers["x-envoy-expected-rq-timeout-ms"]
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
        let untouched = try wire(.get("/", headerFields: own)).head.headers
        #expect(untouched["traceparent"] == ["own"])
        #expect(untouched["x-envoy-expected-rq-timeout-ms"] == ["7"])
        let replaced = try wire(
            .get("/", headerFields: own),
            deadline: Deadline(MeshInstant(nanoseconds: 1_500_000)),
            trace: TraceContext(traceIDHigh: 1, traceIDLow: 2, spanID: 3, flags: 0)
        ).head.headers
        #expect(replaced["traceparent"] == ["00-00000000000000010000000000000002-0000000000000003-00"])
        #expect(replaced["tracestate"] == [])
        #expect(replaced["x-envoy-expected-rq-timeout-ms"] == ["1"])
    }
}
