// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP

extension ClientJob {
    /// The request that the job describes.
    func request() -> OutboundRequest {
        var head = HTTPRequest(
            method: HTTPRequest.Method(method ?? "GET") ?? .get,
            scheme: scheme ?? "http",
            authority: authority ?? cluster ?? "peer",
            path: path ?? "/",
            headerFields: HTTPFields(pairs: headers ?? [])
        )
        var content = RequestBody.none
        if let body {
            let length = body.claims ?? (body.declaresLength == true ? body.size : nil)
            if let length { head.headerFields[.contentLength] = String(length) }
            content = body.content
        }
        return OutboundRequest(head, body: content, trailers: trailers.map { HTTPFields(pairs: $0) })
    }
}

extension ClientJob.Body {
    fileprivate var content: RequestBody {
        guard let chunk else { return .bytes(BytePattern.bytes(at: 0, count: size)) }
        return .written(isReplayable: true) { [self] writer in
            var sent = 0
            while sent < size {
                if let pause { try await Pause.milliseconds(pause) }
                let count = min(chunk, size - sent)
                try await writer.write(BytePattern.bytes(at: sent, count: count))
                sent += count
            }
        }
    }
}
