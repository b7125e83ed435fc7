// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import NIOHTTP1

/// A response's head as it goes on the wire, framed.
struct ServerResponseHead {
    /// How the body's end is told.
    enum Framing: Equatable {
        /// There is no body, or none may be sent.
        case none
        case length(Int)
        /// Chunks, or the end of the connection for HTTP/1.0; the end of the stream for HTTP/2.
        case open
    }

    let head: HTTPResponseHead
    let framing: Framing

    /// - Parameters:
    ///   - length: The length of the body; `nil` if it is not known yet.
    ///   - method: The request's method.
    ///   - version: The request's version.
    ///   - closes: Whether the connection ends with this response.
    init(_ response: HTTPResponse, length: Int?, method: HTTPMethod, version: HTTPVersion, closes: Bool) {
        var headers = HTTPHeaders()
        headers.reserveCapacity(response.headerFields.count + 2)
        for field in response.headerFields {
            switch field.name.canonicalName {
            case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "content-length": break
            default: headers.add(name: field.name.rawName, value: field.value)
            }
        }
        let status = response.status.code
        let hasNoBody = status < 200 || status == 204 || status == 304
        switch (hasNoBody, length) {
        case (true, _): framing = .none
        case (false, let length?):
            headers.add(name: "content-length", value: String(length))
            framing = method == .HEAD ? .none : .length(length)
        case (false, nil):
            // RFC 9110 §8.6: a response to HEAD may leave the length out, and has no body to frame.
            framing = method == .HEAD ? .none : .open
            if method != .HEAD, version == .http1_1 { headers.add(name: "transfer-encoding", value: "chunked") }
        }
        if closes, version.major == 1 { headers.add(name: "connection", value: "close") }
        head = HTTPResponseHead(
            version: version.major == 1 ? .http1_1 : version,
            status: HTTPResponseStatus(statusCode: status, reasonPhrase: response.status.reasonPhrase),
            headers: headers
        )
    }
}
