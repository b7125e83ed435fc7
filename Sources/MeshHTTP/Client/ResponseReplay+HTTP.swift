// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import ServiceMesh

extension ResponseReplay<OutboundRequest, OutboundResponse> {
    /// How responses of every transport of these messages are held for several callers: head, body and trailers in memory.
    static var inMemory: ResponseReplay {
        ResponseReplay(
            // An answer to a HEAD has the length of a body that does not come (RFC 9110 §8.6): by that it may be too large
            // to be held, though there is nothing to hold.
            isBare: { request in
                request.head.method != .head && !request.body.hasContent && request.trailers == nil
            },
            bytes: { response in response.heldBytes },
            collect: { response, maximumBytes in try await response.held(upTo: maximumBytes) }
        )
    }
}

extension OutboundResponse {
    /// The same response with its body in memory, which can be read more than once.
    /// - Throws: `MeshError` with code `responseTooLarge`, before anything is read where the head says so; what reading
    ///   throws.
    fileprivate func held(upTo maximumBytes: Int) async throws -> OutboundResponse {
        let length = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
        // A stream of events is sent piece by piece for as long as somebody listens.
        let isEndless = head.headerFields[.contentType]?.lowercased().hasPrefix("text/event-stream") ?? false
        guard length <= maximumBytes, !isEndless else {
            throw MeshError(
                .responseTooLarge,
                origin: .local,
                requestState: .answered,
                message: "the response is not one to be held in memory"
            )
        }
        let bytes = try await body.collect(upTo: maximumBytes)
        // A copy: what was read is a slice of what the connection received, all of which it would keep alive.
        return OutboundResponse(head, body: ByteBuffer(buffer: bytes), trailers: trailers)
    }

    /// What is held of it, the names and values of its fields with it.
    fileprivate var heldBytes: Int {
        let fields = head.headerFields.reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count }
        return fields + body.heldBytes
    }
}
