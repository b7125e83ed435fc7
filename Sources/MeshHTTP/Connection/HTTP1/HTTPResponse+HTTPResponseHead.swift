// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1

extension HTTPResponse {
    /// The head that a peer sent; `nil` if its status is none.
    init?(_ head: HTTPResponseHead) {
        let code = Int(head.status.code)
        guard (100...999).contains(code) else { return nil }
        self.init(
            status: Status(code: code, reasonPhrase: head.status.reasonPhrase),
            headerFields: HTTPFields(head.headers)
        )
    }
}

extension HTTPFields {
    /// The fields that a peer sent. The parser has refused names that are none.
    init(_ headers: HTTPHeaders) {
        self.init()
        reserveCapacity(headers.count)
        for (name, value) in headers {
            guard let name = HTTPField.Name(name) else { continue }
            append(HTTPField(name: name, value: value))
        }
    }
}

extension HTTPResponseHead {
    /// Whether another head follows: 1xx but 101, which ends what HTTP/1.1 has to say.
    var isInterim: Bool {
        (100...199).contains(status.code) && status.code != 101
    }

    /// The length of the body, if the head tells it.
    var bodyLength: Int? {
        headers.first(name: "content-length").flatMap { Int($0) }
    }
}

extension TimeAmount {
    /// The same span; what does not fit becomes 292 years.
    init(_ span: Nanoseconds) {
        self = .nanoseconds(Int64(clamping: span.rawValue))
    }
}
