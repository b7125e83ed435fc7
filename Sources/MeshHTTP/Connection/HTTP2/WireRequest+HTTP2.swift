// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOHPACK

extension WireRequest {
    /// The request's head as HTTP/2 has it (RFC 9113 §8.3): pseudo fields first, names in lower case, nothing that
    /// belongs to a connection.
    /// - Parameter isSecured: Whether the connection is TLS, which is what the scheme says.
    func http2Headers(isSecured: Bool) -> HPACKHeaders {
        var headers = HPACKHeaders()
        headers.reserveCapacity(12)
        headers.add(name: ":method", value: method.rawValue)
        headers.add(name: ":scheme", value: isSecured ? "https" : "http")
        headers.add(name: ":authority", value: authority)
        headers.add(name: ":path", value: path)
        forEachOwnField { field in
            let name = field.name.canonicalName
            headers.add(name: name, value: field.value, indexing: .init(of: name))
        }
        if expectsContinue { headers.add(name: "expect", value: "100-continue") }
        if let trace = tracePosition {
            headers.add(name: "traceparent", value: trace.traceparent, indexing: .nonIndexable)
        }
        if let state = traceState { headers.add(name: "tracestate", value: state, indexing: .nonIndexable) }
        if let timeout = millisecondsLeft {
            headers.add(name: "x-envoy-expected-rq-timeout-ms", value: String(timeout), indexing: .nonIndexable)
        }
        if let call {
            if let timeLeft {
                let value = TimeoutHeaders.grpcTimeout(of: max(timeLeft, Nanoseconds(rawValue: 1)))
                // What is left of others' deadlines is another time each time.
                let indexing: HPACKIndexing = TimeoutHeaders.isRound(value) ? .indexable : .nonIndexable
                headers.add(name: "grpc-timeout", value: value, indexing: indexing)
            }
            if call.attempt > 1 {
                headers.add(
                    name: "grpc-previous-rpc-attempts",
                    value: String(call.attempt - 1),
                    indexing: .nonIndexable
                )
            }
        } else if case .length(let length) = framing {
            headers.add(name: "content-length", value: String(length), indexing: .nonIndexable)
        }
        return headers
    }

    /// The fields behind the body; `nil` if there are none.
    var http2Trailers: HPACKHeaders? {
        trailers.map { trailers in HPACKHeaders(trailers.map { ($0.name.canonicalName, $0.value) }) }
    }
}

extension HPACKIndexing {
    /// What would fill the table and never be found there again, or must not be found at all, is left out of it.
    fileprivate init(of name: String) {
        switch name {
        case "traceparent", "tracestate", "x-request-id", "x-envoy-expected-rq-timeout-ms":
            self = .nonIndexable
        case "authorization", "cookie", "proxy-authorization": self = .neverIndexed
        default: self = .indexable
        }
    }
}

extension HTTPResponse {
    /// The head that a header block makes, with its status.
    init(status: Int, _ headers: HPACKHeaders) {
        self.init(status: Status(code: status), headerFields: HTTPFields(headers))
    }
}

extension HPACKHeaders {
    /// The status; `nil` if there is none, and `0` if it is none.
    var responseStatus: Int? {
        for (name, value, _) in self {
            guard name.utf8.first == UInt8(ascii: ":") else { return nil }
            guard name == ":status" else { continue }
            return value.utf8.count == 3 ? Int(value) ?? 0 : 0
        }
        return nil
    }

    /// The length of the body, if the block tells it.
    var bodyLength: Int? {
        first(name: "content-length").flatMap { Int($0) }
    }
}

extension HTTPFields {
    /// The fields of a header block, without the pseudo fields.
    init(_ headers: HPACKHeaders) {
        self.init()
        reserveCapacity(headers.count)
        for (name, value, _) in headers where name.utf8.first != UInt8(ascii: ":") {
            guard let name = HTTPField.Name(name) else { continue }
            append(HTTPField(name: name, value: value))
        }
    }
}
