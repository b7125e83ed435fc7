// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshAsyncHTTPClient
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import Testing

@Suite("A streamed request body over AsyncHTTPClient", .timeLimit(.minutes(5)))
struct TransportUploadIntegrationTests {
    private struct OwnError: Error {}

    @Test
    func `is chunked, or counted if its owner knows its length`() async throws {
        try await LoopbackServer.serving(echo) { endpoint in
            try await withTransport { transport in
                let body = RequestBody.written { writer in
                    for text in ["hello", "", "world"] { try await writer.write(ByteBuffer(string: text)) }
                }
                let chunked = try await transport.exchange(.post("/", body), with: endpoint)
                #expect(chunked.body.hasSuffix("\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"))
                let counted = try await transport.exchange(
                    .post("/", body, headerFields: [.contentLength: "10"]),
                    with: endpoint
                )
                #expect(counted.body.hasSuffix("\r\n\r\nhelloworld"))
                let known = try await transport.exchange(.post("/", .text("known")), with: endpoint)
                #expect(known.body.lowercased().contains("content-length: 5\r\n"))
                #expect(known.body.hasSuffix("\r\n\r\nknown"))
            }
        }
    }

    @Test(arguments: ["012345678", "01234567890"])
    func `of another length than announced fails the request`(text: String) async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                let body = RequestBody.written { try await $0.write(ByteBuffer(string: text)) }
                let error = await meshError {
                    let request = OutboundRequest.post("/", body, headerFields: [.contentLength: "10"])
                    _ = try await transport.exchange(request, with: endpoint)
                }
                #expect(error?.code == .invalidRequest)
                #expect(error?.requestState == .maybeSent)
            }
        }
    }

    @Test
    func `that fails by itself fails the request with its own error`() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                _ = await #expect(throws: OwnError.self) {
                    let body = RequestBody.written { writer in
                        try await writer.write(ByteBuffer(string: "first"))
                        throw OwnError()
                    }
                    _ = try await transport.exchange(.post("/", body), with: endpoint)
                }
            }
        }
    }

    @Test
    func `goes no faster than the server reads it`() async throws {
        let total = 64 << 20
        let (go, stuck) = (Signal(), Signal())
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            await go.wait()
            for _ in 0..<(total >> 20) { _ = try await connection.read(1 << 20) }
            try await connection.write("ok".asResponse)
        } while: { endpoint in
            try await withTransport { transport in
                let written = Recorder<Int>()
                let chunk = ByteBuffer(repeating: 1, count: 1 << 20)
                async let answer = transport.exchange(
                    .post(
                        "/",
                        .written { writer in
                            for index in 0..<(total >> 20) {
                                try await writer.write(chunk)
                                written.append(index)
                                if index == 0 { stuck.set() }
                            }
                        },
                        headerFields: [.contentLength: "\(total)"]
                    ),
                    with: endpoint
                )
                await stuck.wait()
                // Nobody reads: what the sockets' buffers hold is all that can be written.
                #expect(written.all.count < total >> 20)
                go.set()
                let result = try await answer
                #expect(result.body == "ok")
                #expect(written.all.count == total >> 20)
            }
        }
    }

    @Test
    func `is cut short by an early refusal, which is returned`() async throws {
        let cancelled = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\n")
            // The producer breaks off before the refusal is read to its end, which must not fail it.
            await cancelled.wait()
            try await connection.write("big")
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                let contract = TransportContract(transport)
                let body = RequestBody.written { writer in
                    try await writer.write(ByteBuffer(string: "first"))
                    // A producer that never comes to an end by itself.
                    await untilCancelled()
                    cancelled.set()
                    try Task.checkCancellation()
                }
                let answer = try await contract.exchange(.post("/", body), with: endpoint)
                #expect(answer.status == 413)
                #expect(answer.body == "big")
                #expect(contract.violations == [])
            }
        }
    }

    @Test
    func `ends at the deadline while the server does not read it, after the head too`() async throws {
        try await LoopbackServer.serving { connection, number in
            _ = try await connection.readHead()
            if number == 1 { try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") }
            await untilCancelled()
        } while: { endpoint in
            try await withTransport { transport in
                let chunk = ByteBuffer(repeating: 1, count: 1 << 20)
                let body = RequestBody.written { writer in
                    while true { try await writer.write(chunk) }
                }
                for state in [RequestState.maybeSent, .answered] {
                    let error = await meshError {
                        _ = try await transport.exchange(.post("/", body), with: endpoint, timeout: .seconds(4))
                    }
                    #expect(error?.code == .deadlineExceeded)
                    #expect(error?.requestState == state)
                }
            }
        }
    }

    @Test
    func `does not wait for its producer when the server is gone`() async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.reset()
        } while: { endpoint in
            try await withTransport { transport in
                let chunk = ByteBuffer(repeating: 1, count: 1 << 20)
                let body = RequestBody.written { writer in
                    while true { try await writer.write(chunk) }
                }
                let error = await meshError { _ = try await transport.exchange(.post("/", body), with: endpoint) }
                #expect(error?.code == .connectionClosed)
                #expect(error?.requestState == .maybeSent)
            }
        }
    }
}
