// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import NIOCore
import ServiceMesh

/// What the program runs in: a service, and a mesh that it may ignore.
enum ProgramWorld {
    /// A body in pieces.
    static var chunks: AsyncStream<ByteBuffer> {
        AsyncStream { continuation in
            for text in ["one ", "two ", "three"] { continuation.yield(ByteBuffer(string: text)) }
            continuation.finish()
        }
    }

    static func serving(_ body: (String, Mesh) async throws -> Void) async throws {
        let mesh = try Mesh()
        try await LoopbackServer.serving(serve) { endpoint in
            try await body("http://\(endpoint.address)", mesh)
        }
    }

    /// Answers with the request line, the user and the body.
    @Sendable
    private static func serve(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
        while let head = try await connection.readHead() {
            let words = head.firstLine.split(separator: " ")
            let user = head.split(separator: "\r\n").first { $0.hasPrefix("end-user: ") }?.dropFirst(10) ?? "-"
            let body = try await self.body(behind: head.lowercased(), connection)
            if words[1] == "/gone" {
                try await connection.write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                continue
            }
            let text = "\(words[0]) \(words[1]) \(user) \(body)"
            try await connection.write(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: \(text.utf8.count)\r\n\r\n\(text)"
            )
        }
    }

    private static func body(behind head: String, _ connection: LoopbackServer.Connection) async throws -> String {
        if let length = head.split(separator: "content-length: ").dropFirst().first.flatMap({
            Int($0.prefix { $0.isNumber })
        }) {
            return length > 0 ? try await connection.read(length) ?? "" : ""
        }
        guard head.contains("transfer-encoding: chunked") else { return "" }
        var body = ""
        while let size = try await connection.read(through: "\r\n").flatMap({ Int($0.dropLast(1), radix: 16) }) {
            body += try await connection.read(size) ?? ""
            _ = try await connection.read(2)
            if size == 0 { break }
        }
        return body
    }
}
