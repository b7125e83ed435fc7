// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshHTTP
import NIOCore

/// What the server answers, by the first part of the path. The origin of the scripts answers the same.
///
/// `/b/SIZE` the pattern; `/echo` what was sent, as it comes; `/sum` how much that was; `/trailers` fields behind the
/// body, those of the request among them; `/wait/MS` after a while; `/early` without reading; `/status/CODE`.
enum PeerApplication {
    static func answer(_ request: InboundRequest) async throws -> InboundResponse {
        let parts = (request.head.path ?? "/").split(separator: "?")[0].split(separator: "/")
        let number = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        switch parts.first {
        case "b": return pattern(number)
        case "echo": return echo(request)
        case "sum": return try await sum(request)
        case "trailers": return try await trailers(request)
        case "wait":
            try await Pause.milliseconds(UInt64(number))
            return InboundResponse(body: .text("waited"))
        case "early": return InboundResponse(status: .contentTooLarge, body: .text("no"))
        case "status": return InboundResponse(status: HTTPResponse.Status(code: number))
        default: return InboundResponse(body: .text("hello"))
        }
    }

    private static func pattern(_ size: Int) -> InboundResponse {
        guard size > 65_536 else { return InboundResponse(body: .bytes(BytePattern.bytes(at: 0, count: size))) }
        return InboundResponse(
            body: .written(length: size) { writer in
                var sent = 0
                while sent < size {
                    let count = min(65_536, size - sent)
                    try await writer.write(BytePattern.bytes(at: sent, count: count))
                    sent += count
                }
                return nil
            }
        )
    }

    private static func echo(_ request: InboundRequest) -> InboundResponse {
        let body = request.body
        return InboundResponse(
            body: .written { writer in
                for try await chunk in body { try await writer.write(chunk) }
                let trailers = await body.trailers()
                return trailers.isEmpty ? nil : trailers
            }
        )
    }

    private static func sum(_ request: InboundRequest) async throws -> InboundResponse {
        var checksum = Checksum()
        for try await chunk in request.body { checksum.update(chunk) }
        return InboundResponse(body: .text(#"{"length":\#(checksum.count),"crc":\#(checksum.value)}"#))
    }

    private static func trailers(_ request: InboundRequest) async throws -> InboundResponse {
        for try await _ in request.body {}
        let sent = await request.body.trailers()
        let seen = HTTPField.Name("x-sent").flatMap { sent[$0] } ?? "none"
        return InboundResponse(
            body: .written { writer in
                try await writer.write(ByteBuffer(string: "hello"))
                return HTTPFields(pairs: [["x-checksum", "907060870"], ["x-seen", seen]])
            }
        )
    }
}
