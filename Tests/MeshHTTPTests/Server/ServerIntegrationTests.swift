// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOSSL
import ServiceMesh
import Testing

@Suite(.timeLimit(.minutes(5))) struct ServerIntegrationTests {
    @Test func `both protocols are served on one port without TLS`() async throws {
        try await serving {
            InboundResponse(body: .text("\($0.head.method) \($0.head.authority ?? "") \($0.head.path ?? "")"))
        } while: { _, address in
            let first = try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET /a?b HTTP/1.1\r\nhost: reviews\r\n\r\n")
                return try await connection.readResponse()
            }
            #expect(first?.body == "GET reviews /a?b")
            let second = try await HTTP2LoopbackClient.connecting(to: address) { try await $0.send("/a?b") }
            #expect(second.status == 200 && second.body == "GET reviews /a?b")
        }
    }

    @Test(arguments: [["http/1.1"], ["h2", "http/1.1"]])
    func `with TLS the protocol is chosen by ALPN`(offered: [String]) async throws {
        var configuration = try LoopbackCertificate.server
        configuration.applicationProtocols = NIOHTTP2SupportedALPNProtocols
        let security = ServerTransportSecurity(context: try NIOSSLContext(configuration: configuration))
        try await serving(.init(security: security)) {
            InboundResponse(body: .text($0.head.scheme ?? ""))
        } while: { _, address in
            var client = try LoopbackCertificate.client
            client.applicationProtocols = offered
            if offered.contains("h2") {
                let response = try await HTTP2LoopbackClient.connecting(to: address, tls: client) {
                    try await $0.send("/")
                }
                #expect(response.body == "https")
            } else {
                let response = try await LoopbackClient.connecting(to: address, tls: client) { connection in
                    try await connection.write("GET / HTTP/1.1\r\nhost: reviews\r\n\r\n")
                    return try await connection.readResponse()
                }
                #expect(response?.body == "https")
            }
        }
    }

    @Test func `requests that come in one packet are answered in order, on one connection`() async throws {
        try await serving {
            InboundResponse(body: .text("\(try await $0.text())!"))
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                let requests = (0..<5).map { "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\n\($0)" }
                try await connection.write(requests.joined())
                for index in 0..<5 { #expect(try await connection.readResponse()?.body == "\(index)!") }
            }
        }
    }

    @Test func `bodies and trailers stream both ways over HTTP/1.1`() async throws {
        try await serving { request in
            InboundResponse(
                body: .written { writer in
                    for try await chunk in request.body { try await writer.write(chunk) }
                    return await request.body.trailers()
                }
            )
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write(
                    "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n"
                )
                let head = try await connection.readHead()
                #expect(head?.contains("transfer-encoding: chunked") == true)
                #expect(try await connection.read(8) == "3\r\none\r\n")
                try await connection.write("3\r\ntwo\r\n0\r\nx-sum: 6\r\n\r\n")
                #expect(try await connection.read(8) == "3\r\ntwo\r\n")
                #expect(try await connection.read(through: "\r\n\r\n") == "0\r\nx-sum: 6\r\n\r\n")
            }
        }
    }

    @Test func `bodies and trailers stream both ways over HTTP/2`() async throws {
        try await serving { request in
            InboundResponse(
                body: .written { writer in
                    for try await chunk in request.body { try await writer.write(chunk) }
                    return await request.body.trailers()
                }
            )
        } while: { _, address in
            let text = String(repeating: "0123456789", count: 40_000)
            let response = try await HTTP2LoopbackClient.connecting(to: address) {
                try await $0.send("/", .POST, body: text, trailers: ["x-sum": "6"])
            }
            #expect(response.body == text)
            #expect(response.trailers?["x-sum"] == ["6"])
        }
    }

    @Test func `a caller that expects to be asked for its body is asked when it is read, and not before`() async throws
    {
        try await serving { request in
            if request.head.path == "/refuse" { return InboundResponse(status: .contentTooLarge) }
            return InboundResponse(body: .text(try await request.text()))
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write(
                    "PUT / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
                )
                #expect(try await connection.readHead()?.firstLine == "HTTP/1.1 100 Continue")
                try await connection.write("ok")
                #expect(try await connection.readResponse()?.body == "ok")
                try await connection.write(
                    "PUT /refuse HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
                )
                let refusal = try await connection.readResponse()
                #expect(refusal?.head.firstLine == "HTTP/1.1 413 Payload Too Large")
                // The body was not asked for, so nobody knows whether it comes: the connection cannot go on.
                #expect(refusal?.head.contains("connection: close") == true)
                #expect(try await connection.readHead() == nil)
            }
        }
    }

    @Test func `a response to HEAD has the length of the body and not the body`() async throws {
        try await serving { request in
            request.head.path == "/stream"
                ? InboundResponse(body: .written { _ in nil }) : InboundResponse(body: .text("four"))
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                for path in ["/", "/stream", "/"] {
                    try await connection.write("HEAD \(path) HTTP/1.1\r\nhost: h\r\n\r\n")
                    let head = try await connection.readHead()
                    #expect(head?.firstLine == "HTTP/1.1 200 OK")
                    #expect(head?.contains("content-length: 4") == (path == "/"))
                }
            }
        }
    }

    @Test func `an answer before the body's end keeps the connection if the rest is short`() async throws {
        try await serving { _ in
            InboundResponse(status: .accepted)
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab")
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 202 Accepted")
                try await connection.write("cdGET / HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 202 Accepted")
            }
            let response = try await HTTP2LoopbackClient.connecting(to: address) { client in
                try await client.stream { _, inbound, outbound in
                    try await outbound.write(
                        .head(HTTPRequestHead(version: .http2, method: .PUT, uri: "/", headers: ["host": "h"]))
                    )
                    return try await HTTP2LoopbackClient.read(inbound)
                }
            }
            #expect(response.status == 202)
        }
    }

    @Test func `what a handler throws is a 500, and the mesh's own answers are sent as they are`() async throws {
        struct Mishap: Error {}
        try await serving { request in
            if request.head.path == "/large" { _ = try await request.body.collect(upTo: 1) }
            throw Mishap()
        } while: { _, address in
            try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 500 Internal Server Error")
                try await connection.write("PUT /large HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab")
                #expect(try await connection.readResponse()?.head.firstLine == "HTTP/1.1 413 Payload Too Large")
            }
        }
    }

    @Test(
        arguments: [
            "GET nonsense HTTP/1.1\r\nhost: h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "CONNECT h:1 HTTP/1.1\r\nhost: h\r\n\r\n",
        ]
    )
    func `a request that is none is answered by a 400`(bytes: String) async throws {
        try await serving { _ in
            InboundResponse()
        } while: { _, address in
            let answer = try await LoopbackClient.connecting(to: address) { connection in
                try await connection.write(bytes)
                return try await connection.readHead()
            }
            #expect(answer?.firstLine == "HTTP/1.1 400 Bad Request")
        }
    }

    @Test func `HTTP/1.0 and connection close end the connection with the body`() async throws {
        try await serving { _ in
            InboundResponse(
                body: .written { writer in
                    try await writer.write(ByteBuffer(string: "all"))
                    return nil
                }
            )
        } while: { _, address in
            for (request, body) in [
                ("GET / HTTP/1.0\r\n\r\n", "all"),
                ("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", "3\r\nall\r\n0\r\n\r\n"),
            ] {
                try await LoopbackClient.connecting(to: address) { connection in
                    try await connection.write(request)
                    let head = try await connection.readHead()
                    #expect(head?.contains("connection: close") == true)
                    #expect(try await connection.read(body.utf8.count) == body)
                    #expect(try await connection.readHead() == nil)
                }
            }
        }
    }
}
