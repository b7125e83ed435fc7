// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1

/// A request as HTTP/1.1 has it: checked, framed, and with the mesh's own fields.
struct WireRequest: Sendable {
    var head: HTTPRequestHead
    var body: ByteBuffer?
    var trailers: HTTPHeaders?
    /// Whether the body follows as a stream.
    var isStreamed = false
    /// The length that a streamed body was announced with.
    var declaredLength: Int?
    /// Whether the body waits until the peer says that it wants it (RFC 9110 §10.1.1).
    var expectsContinue = false
    /// Whether the request asks to close the connection after it.
    var closesConnection = false

    /// - Parameter now: The current instant; only looked at if the context has a deadline.
    /// - Throws: `invalidRequest` if the request cannot be written as it is.
    init(_ request: OutboundRequest, context: CallContext, now: MeshInstant) throws(MeshError) {
        let method = HTTPMethod(rawValue: request.head.method.rawValue)
        guard method != .CONNECT else { throw Self.invalid("CONNECT needs a tunnel, which is not supported") }
        let path = request.path
        guard RequestTarget.isValid(path: path, allowsAsterisk: method == .OPTIONS) else {
            throw Self.invalid("the path is not a request target")
        }
        // RFC 9112 §3.2: a request without authority has an empty Host; an endpoint's address says more.
        let authority = request.authority ?? context.endpoint?.address.description ?? ""
        guard RequestTarget.isValid(authority: authority) else { throw Self.invalid("the authority is not valid") }

        var headers = HTTPHeaders()
        headers.reserveCapacity(request.head.headerFields.count + 6)
        headers.add(name: "host", value: authority)
        var length: String?
        for field in request.head.headerFields {
            switch Treatment(field, context: context) {
            case .pass: headers.add(name: field.name.rawName, value: field.value)
            case .drop: break
            case .length:
                guard length == nil || length == field.value else {
                    throw Self.invalid("the request has several lengths")
                }
                length = field.value
            case .expectation:
                // Without a body there is nothing to hold back.
                guard field.value.lowercased() == "100-continue" else {
                    throw Self.invalid("the request has an expectation that is not known")
                }
                guard request.body.hasContent, !expectsContinue else { continue }
                expectsContinue = true
                headers.add(name: "expect", value: "100-continue")
            case .connection:
                if field.value.utf8.count == 5, field.value.lowercased() == "close" { closesConnection = true }
            }
        }
        if closesConnection { headers.add(name: "connection", value: "close") }
        Self.addMeshFields(of: context, now: now, to: &headers)
        self.head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
        try frame(request, length: length)
    }

    /// RFC 9112 §6.3: exactly one of length and chunking tells where the body ends, and both ends must agree which.
    private mutating func frame(_ request: OutboundRequest, length: String?) throws(MeshError) {
        if let trailers = request.trailers, !trailers.isEmpty {
            self.trailers = HTTPHeaders(trailers.map { ($0.name.rawName, $0.value) })
        }
        switch request.body.content {
        case .none:
            guard trailers == nil else {
                head.headers.add(name: "transfer-encoding", value: "chunked")
                return
            }
            switch head.method {
            case .POST, .PUT, .PATCH: head.headers.add(name: "content-length", value: "0")
            default: break
            }
        case .bytes(let bytes):
            body = bytes
            if trailers == nil {
                head.headers.add(name: "content-length", value: String(bytes.readableBytes))
            } else {
                head.headers.add(name: "transfer-encoding", value: "chunked")
            }
        case .stream:
            isStreamed = true
            guard let length, trailers == nil else {
                head.headers.add(name: "transfer-encoding", value: "chunked")
                return
            }
            guard length.utf8.allSatisfy({ 48...57 ~= $0 }), let count = Int(length) else {
                throw Self.invalid("the length of the body is not a number")
            }
            declaredLength = count
            head.headers.add(name: "content-length", value: length)
        }
    }

    private static func addMeshFields(of context: CallContext, now: MeshInstant, to headers: inout HTTPHeaders) {
        if context.trace.isValid {
            headers.add(name: "traceparent", value: context.trace.traceparent)
            if let state = context.trace.state, HTTPField.isValidValue(state) {
                headers.add(name: "tracestate", value: state)
            }
        }
        if !context.headDeadline.isNever {
            let left = context.headDeadline.remaining(at: now).rawValue / 1_000_000
            headers.add(name: "x-envoy-expected-rq-timeout-ms", value: String(max(1, left)))
        }
    }

    private static func invalid(_ message: String) -> MeshError {
        MeshError(.invalidRequest, origin: .downstream, message: message)
    }

    /// What is done with a field of the application's.
    private enum Treatment {
        case pass, drop, length, connection, expectation

        /// Lengths first: most names are told apart by theirs.
        init(_ field: HTTPField, context: CallContext) {
            let name = field.name.canonicalName
            self =
                switch name.utf8.count {
                case 2 where name == "te": field.value == "trailers" ? .pass : .drop
                case 4 where name == "host": .drop
                case 6 where name == "expect": .expectation
                case 7 where name == "upgrade": .drop
                case 10 where name == "connection": .connection
                case 10 where name == "keep-alive": .drop
                case 10 where name == "tracestate": context.trace.isValid ? .drop : .pass
                case 11 where name == "traceparent": context.trace.isValid ? .drop : .pass
                case 14 where name == "content-length": .length
                case 16 where name == "proxy-connection": .drop
                case 17 where name == "transfer-encoding": .drop
                case 30 where name == "x-envoy-expected-rq-timeout-ms": context.headDeadline.isNever ? .pass : .drop
                default: .pass
                }
        }
    }
}
