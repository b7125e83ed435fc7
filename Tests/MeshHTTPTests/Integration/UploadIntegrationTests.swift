// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Testing

@Suite("A streamed request body", .timeLimit(.minutes(5)))
struct UploadIntegrationTests {
    /// Answers with what a chunked or counted body had in it, once it is complete.
    private func echo(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
        while let head = try await connection.readHead() {
            if head.contains("chunked") {
                try await connection.write((try await connection.read(through: "0\r\n\r\n") ?? "").asResponse)
            } else {
                try await connection.write((try await connection.read(10) ?? "").asResponse)
            }
        }
    }

    /// Returns when the task is cancelled.
    private func never() async {
        let silent = AsyncStream<Void>.makeStream()
        for await _ in silent.stream {}
        silent.continuation.finish()
    }

    @Test("is chunked, or counted if its owner knows its length, and leaves the connection usable")
    func framing() async throws {
        try await LoopbackServer.serving(echo) { endpoint in
            try await withTransport { transport in
                let chunks = AsyncStream { continuation in
                    for text in ["hello", "", "world"] { continuation.yield(ByteBuffer(string: text)) }
                    continuation.finish()
                }
                let chunked = try await transport.exchange(.post("/", .stream(chunks)), with: endpoint)
                #expect(chunked.body == "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n")
                let counted = try await transport.exchange(
                    .post(
                        "/",
                        .written { writer in
                            try await writer.write(ByteBuffer(string: "01234"))
                            try await writer.write(ByteBuffer(string: "56789"))
                        },
                        headerFields: [.contentLength: "10"]
                    ),
                    with: endpoint
                )
                #expect(counted.body == "0123456789")
                #expect(transport.statistics.connections == 1)
            }
        }
    }

    @Test("that has another length than it was announced with fails, and never borrows bytes of the next request")
    func wrongLength() async throws {
        try await LoopbackServer.serving(echo) { endpoint in
            try await withTransport { transport in
                for text in ["012345678", "01234567890"] {
                    let error = await meshError {
                        _ = try await transport.exchange(
                            .post(
                                "/",
                                .written { try await $0.write(ByteBuffer(string: text)) },
                                headerFields: [.contentLength: "10"]
                            ),
                            with: endpoint
                        )
                    }
                    #expect(error?.code == .invalidRequest)
                    #expect(error?.origin == .downstream)
                }
                let proper = try await transport.exchange(
                    .post(
                        "/",
                        .written { try await $0.write(ByteBuffer(string: "abcdefghij")) },
                        headerFields: [.contentLength: "10"]
                    ),
                    with: endpoint
                )
                #expect(proper.body == "abcdefghij")
            }
        }
    }

    @Test("goes no faster than the server reads it")
    func backPressure() async throws {
        let go = Signal()
        let written = Recorder<Int>()
        let total = 16 << 20
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            await go.wait()
            _ = try await connection.read(total)
            try await connection.write("ok".asResponse)
        } while: { endpoint in
            try await withTransport { transport in
                let chunk = ByteBuffer(repeating: 1, count: 1 << 16)
                async let answer = transport.exchange(
                    .post(
                        "/",
                        .written { writer in
                            for index in 0..<(total >> 16) {
                                try await writer.write(chunk)
                                written.append(index)
                                // Loopback sockets hold a few megabytes; then the writer stands still.
                                if index == 0 { go.set() }
                            }
                        },
                        headerFields: [.contentLength: "\(total)"]
                    ),
                    with: endpoint
                )
                let result = try await answer
                #expect(result.body == "ok")
            }
        }
        #expect(written.all.count == total >> 16)
    }

    @Test("is cut short by an early refusal, which is returned at once", arguments: [true, false])
    func earlyRefusal(closes: Bool) async throws {
        let cancelled = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            let field = closes ? "connection: close\r\n" : ""
            try await connection.write("HTTP/1.1 413 Content Too Large\r\n\(field)content-length: 3\r\n\r\nbig")
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                let answer = try await transport.exchange(
                    .post(
                        "/",
                        .written { writer in
                            try await writer.write(ByteBuffer(string: "first"))
                            // A producer that never comes to an end by itself.
                            await never()
                            cancelled.set()
                            try Task.checkCancellation()
                        }
                    ),
                    with: endpoint
                )
                #expect(answer.status == 413)
                #expect(answer.body == "big")
                await cancelled.wait()
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("whose producer fails gives the caller the producer's own error")
    func producerError() async throws {
        struct Broken: Error {}
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                await #expect(throws: Broken.self) {
                    try await transport.exchange(
                        .post(
                            "/",
                            .written { writer in
                                try await writer.write(ByteBuffer(string: "first"))
                                throw Broken()
                            }
                        ),
                        with: endpoint
                    )
                }
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("ends with its caller", arguments: [true, false])
    func cancellation(whileWriting: Bool) async throws {
        let begun = Signal()
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            await begun.wait()
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                let error = await withTaskGroup(of: MeshError?.self) { group in
                    group.addTask {
                        await meshError {
                            _ = try await transport.exchange(
                                .post(
                                    "/",
                                    .written { writer in
                                        try await writer.write(ByteBuffer(string: "first"))
                                        begun.set()
                                        if whileWriting {
                                            let chunk = ByteBuffer(repeating: 1, count: 1 << 20)
                                            while true { try await writer.write(chunk) }
                                        }
                                        await never()
                                        try Task.checkCancellation()
                                    }
                                ),
                                with: endpoint
                            )
                        }
                    }
                    await begun.wait()
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(error?.code == .cancelled)
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }
}
