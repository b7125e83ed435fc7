// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOHTTP1

/// A request as AsyncHTTPClient takes it: checked, addressed to the endpoint, and with the mesh's own fields.
///
/// The rules are those of `HTTPTransport`, but for the framing, which AsyncHTTPClient sets by itself.
struct ClientRequest {
    private let method: HTTPMethod
    private let headers: HTTPHeaders
    /// What stands behind the authority of the URL.
    private let path: String
    /// The length that a streamed body was announced with.
    private let declaredLength: Int64?

    /// - Parameter now: The current instant; only looked at if the context has a deadline.
    /// - Throws: `invalidRequest` if the request cannot be written as it is.
    init(
        _ request: OutboundRequest,
        to endpoint: Endpoint,
        context: CallContext,
        now: MeshInstant
    ) throws(MeshError) {
        method = HTTPMethod(rawValue: request.head.method.rawValue)
        guard method != .CONNECT else { throw Self.invalid("CONNECT needs a tunnel, which is not supported") }
        guard request.trailers?.isEmpty ?? true else {
            throw Self.invalid("AsyncHTTPClient sends no trailers")
        }
        path = request.path
        guard Self.isValid(path: path) else { throw Self.invalid("the path is not a request target") }
        // RFC 9112 §3.2: a request without authority has an empty Host; an endpoint's address says more.
        let authority = request.authority ?? endpoint.address.description
        guard Self.isValid(authority: authority) else { throw Self.invalid("the authority is not valid") }

        var headers = HTTPHeaders()
        headers.reserveCapacity(request.head.headerFields.count + 6)
        headers.add(name: "host", value: authority)
        var length: String?
        var closesConnection = false
        for field in request.head.headerFields {
            switch Treatment(field, context: context) {
            case .pass: headers.add(name: field.name.rawName, value: field.value)
            case .drop: break
            case .length:
                guard length == nil || length == field.value else {
                    throw Self.invalid("the request has several lengths")
                }
                length = field.value
            case .connection: closesConnection = closesConnection || field.value.lowercased() == "close"
            }
        }
        if closesConnection { headers.add(name: "connection", value: "close") }
        Self.addMeshFields(of: context, now: now, to: &headers)
        self.headers = headers
        declaredLength = try Self.declaredLength(length, of: request.body)
    }

    /// The request with a body in memory or none.
    func buffered(_ target: ClientDirectory.Target, body: RequestBody) throws(MeshError) -> HTTPClient.Request {
        let clientBody: HTTPClient.Body? =
            if case .bytes(let bytes) = body.content { .byteBuffer(bytes) } else { nil }
        do {
            return try HTTPClient.Request(
                url: target.prefix + path,
                method: method,
                headers: headers,
                body: clientBody,
                tlsConfiguration: target.tls
            )
        } catch {
            throw MeshError(error, isHeadSent: false)
        }
    }

    /// The request without the body that follows as a stream, and the length of that.
    func streamed(
        _ target: ClientDirectory.Target
    ) throws(MeshError) -> (request: HTTPClientRequest, length: HTTPClientRequest.Body.Length) {
        var request = HTTPClientRequest(url: target.prefix + path)
        request.method = method
        request.headers = headers
        request.tlsConfiguration = target.tls
        return (request, declaredLength.map { .known($0) } ?? .unknown)
    }

    private static func declaredLength(_ text: String?, of body: RequestBody) throws(MeshError) -> Int64? {
        guard case .stream = body.content, let text else { return nil }
        guard text.utf8.allSatisfy({ 48...57 ~= $0 }), let length = Int64(text) else {
            throw invalid("the length of the body is not a number")
        }
        return length
    }

    private static func addMeshFields(of context: CallContext, now: MeshInstant, to headers: inout HTTPHeaders) {
        if context.trace.isValid {
            headers.add(name: "traceparent", value: context.trace.traceparent)
            if let state = context.trace.state, HTTPField.isValidValue(state) {
                headers.add(name: "tracestate", value: state)
            }
        }
        if !context.headDeadline.isNever {
            let left = context.headDeadline.remaining(at: now).millisecondsRoundedUp
            headers.add(name: "x-envoy-expected-rq-timeout-ms", value: String(max(1, left)))
        }
    }

    private static func invalid(_ message: String) -> MeshError {
        MeshError(.invalidRequest, origin: .downstream, message: message)
    }

    /// Nothing may end the request line or the path early, nor stand in the URL for something else.
    ///
    /// swift-http-types replaces CR, LF and NUL in what it is given by spaces, so that a space here may be the trace of
    /// an attempt to smuggle a second request.
    private static func isValid(path: String) -> Bool {
        path.utf8.first == UInt8(ascii: "/")
            && path.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "#") }
    }

    /// RFC 9110 §7.2: no user information, and nothing that ends the authority.
    static func isValid(authority: String) -> Bool {
        !authority.isEmpty
            && authority.utf8.allSatisfy { byte in
                switch byte {
                case 0...0x20, 0x7F...0xFF: false
                case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "@"), UInt8(ascii: "\\"):
                    false
                default: true
                }
            }
    }

    /// What is done with a field of the application's.
    private enum Treatment {
        case pass, drop, length, connection

        /// Lengths first: most names are told apart by theirs.
        init(_ field: HTTPField, context: CallContext) {
            let name = field.name.canonicalName
            self =
                switch name.utf8.count {
                case 2 where name == "te": field.value == "trailers" ? .pass : .drop
                case 4 where name == "host": .drop
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
