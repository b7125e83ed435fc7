// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshHTTP
import NIOCore

/// What the servers of a fleet answer, by the first part of the path.
///
/// `/b/SIZE` the pattern; `/sum/NAME` the length of what was sent, once for each name; `/echo` what was sent, as it
/// comes; `/slow/MS` after a while; `/broken/SIZE` a body that breaks off after that.
enum FleetApplication {
    private struct Broken: Error {}

    static func answer(_ request: InboundRequest, _ ledger: Replica.Ledger) async throws -> InboundResponse {
        let parts = (request.head.path ?? "/").split(separator: "/")
        let argument = parts.count > 1 ? String(parts[1]) : ""
        do {
            switch parts.first {
            case "b": return InboundResponse(body: .bytes(BytePattern.bytes(at: 0, count: Int(argument) ?? 0)))
            case "sum":
                var count = 0
                for try await chunk in request.body { count += chunk.readableBytes }
                ledger.note(done: argument)
                return InboundResponse(body: .text("\(count)"))
            case "echo":
                let body = request.body
                return InboundResponse(
                    body: .written { writer in
                        for try await chunk in body { try await writer.write(chunk) }
                        return nil
                    }
                )
            case "slow":
                try await Pause.milliseconds(UInt64(argument) ?? 0)
                return InboundResponse(body: .text("slow"))
            case "broken":
                let count = Int(argument) ?? 0
                return InboundResponse(
                    body: .written { writer in
                        try await writer.write(BytePattern.bytes(at: 0, count: count))
                        throw Broken()
                    }
                )
            default: return InboundResponse(status: .notFound)
            }
        } catch let error as CancellationError {
            ledger.noteCancelled()
            throw error
        }
    }
}
