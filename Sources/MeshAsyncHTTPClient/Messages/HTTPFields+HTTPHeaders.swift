// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOHTTP1

extension HTTPFields {
    /// The fields that a peer sent. The parser has refused names that are none.
    init(received headers: HTTPHeaders) {
        self.init()
        reserveCapacity(headers.count)
        for (name, value) in headers {
            guard let name = HTTPField.Name(name) else { continue }
            append(HTTPField(name: name, value: value))
        }
    }

    /// The fields that an application sends, without those that only AsyncHTTPClient's framing would set.
    /// - Throws: `invalidRequest` for a name or a value that is none.
    init(sending headers: HTTPHeaders) throws(MeshError) {
        self.init()
        reserveCapacity(headers.count + 1)
        for (name, value) in headers {
            guard let fieldName = HTTPField.Name(name), HTTPField.isValidValue(value) else {
                throw MeshError(
                    .invalidRequest,
                    origin: .downstream,
                    message: "the header field \"\(name)\" has no valid name or value"
                )
            }
            switch fieldName.canonicalName {
            case "host", "content-length", "transfer-encoding": break
            default: append(HTTPField(name: fieldName, value: value))
            }
        }
    }
}

extension HTTPHeaders {
    /// The same fields for AsyncHTTPClient.
    init(_ fields: HTTPFields) {
        self.init()
        reserveCapacity(fields.count)
        for field in fields { add(name: field.name.rawName, value: field.value) }
    }
}

extension HTTPResponse {
    /// The head that a peer sent; `nil` if its status is none.
    init?(status: HTTPResponseStatus, headers: HTTPHeaders) {
        let code = Int(status.code)
        guard (100...999).contains(code) else { return nil }
        self.init(
            status: Status(code: code, reasonPhrase: status.reasonPhrase),
            headerFields: HTTPFields(received: headers)
        )
    }
}

extension HTTPResponseStatus {
    /// The same status for AsyncHTTPClient.
    init(_ status: HTTPResponse.Status) {
        self.init(statusCode: status.code, reasonPhrase: status.reasonPhrase)
    }
}
