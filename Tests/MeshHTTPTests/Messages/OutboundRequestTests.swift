// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import Testing

@testable import MeshHTTP

@Suite("An outbound request, as routing sees it")
struct OutboundRequestTests {
    @Test("answers for header fields and pseudo fields")
    func values() {
        var request = OutboundRequest.get("/p?q", headerFields: [.accept: "a"])
        request.appendValue("b", for: "Accept")
        #expect(request.value(of: "accept") == "a,b")
        #expect(request.value(of: ":path") == "/p?q")
        #expect(request.value(of: ":method") == "GET")
        #expect(request.value(of: ":authority") == "reviews")
        #expect(request.value(of: "host") == "reviews")
        #expect(request.value(of: "absent") == nil)
        #expect(request.pathWithoutQuery == "/p")
    }

    @Test("changes its fields, its path and its authority")
    func changes() {
        var request = OutboundRequest.get("/", headerFields: [HTTPField.Name("host")!: "old", .accept: "a"])
        request.setValue("new", for: "host")
        #expect(request.authority == "new")
        #expect(request.head.headerFields[HTTPField.Name("host")!] == nil)
        request.setValue("/q", for: ":path")
        #expect(request.path == "/q")
        request.setValue("b", for: "accept")
        #expect(request.head.headerFields[values: .accept] == ["b"])
        request.removeValues(of: "accept")
        #expect(request.value(of: "accept") == nil)
    }

    @Test("can be sent again unless its body is a stream whose owner does not say so")
    func replay() {
        #expect(OutboundRequest.get("/").isReplayable)
        #expect(OutboundRequest.post("/", .text("x")).isReplayable)
        let stream = AsyncStream<ByteBuffer> { $0.finish() }
        #expect(!OutboundRequest.post("/", .stream(stream)).isReplayable)
        #expect(OutboundRequest.post("/", .stream(stream, isReplayable: true)).isReplayable)
    }

    @Test("is made of an absolute URL")
    func url() throws {
        let cases: [(String, String, String, String)] = [
            ("http://reviews:9080/path?q=1#frag", "http", "reviews:9080", "/path?q=1"),
            ("HTTPS://example.org", "https", "example.org", "/"), ("http://[::1]:80?x", "http", "[::1]:80", "/?x"),
            ("http://a/", "http", "a", "/"),
        ]
        for (url, scheme, authority, path) in cases {
            let request = try HTTPRequest(.get, absolute: url)
            #expect(request.scheme == scheme)
            #expect(request.authority == authority)
            #expect(request.path == path)
        }
        for url in [
            "", "/path", "ftp://a/", "http://", "http:///x", "http://u:p@a/", "http://a b/", "http://a/b c", "httpx",
        ] {
            #expect(throws: MeshError.self) { try HTTPRequest(.get, absolute: url) }
        }
    }

    @Test("has a response whose body in memory can be read, up to a limit")
    func memoryBody() async throws {
        let response = OutboundResponse(
            HTTPResponse(status: .ok, headerFields: [.server: "x"]),
            body: ByteBuffer(string: "hello"),
            trailers: [.accept: "y"]
        )
        let body = try await response.body.collect(upTo: 5)
        #expect(String(buffer: body) == "hello")
        #expect(response.value(of: "server") == "x")
        #expect(response.trailers == [.accept: "y"])
        let error = await meshError { _ = try await response.body.collect(upTo: 4) }
        #expect(error?.code == .responseTooLarge)
    }
}
