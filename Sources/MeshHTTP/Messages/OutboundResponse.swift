// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes
public import MeshCore
public import NIOCore

/// The response to an outbound request; its body is read from the connection as it is iterated.
public struct OutboundResponse: Sendable {
    /// Status and header fields.
    public var head: HTTPResponse {
        didSet { statusCode = head.status.code }
    }
    /// The status code, which the head holds as text.
    public private(set) var statusCode: Int
    /// The body.
    public var body: ResponseBody

    /// Creates a response whose body is held in memory: what middleware answers with.
    public init(_ head: HTTPResponse, body: ByteBuffer = ByteBuffer(), trailers: HTTPFields? = nil) {
        self.head = head
        self.statusCode = head.status.code
        self.body = ResponseBody(bytes: body, trailers: trailers)
    }

    init(_ head: HTTPResponse, exchange: Exchange) {
        self.head = head
        self.statusCode = head.status.code
        self.body = ResponseBody(exchange: exchange)
    }

    /// Creates a response that another transport than ours received.
    package init(_ head: HTTPResponse, foreignBody: any ForeignBody) {
        self.head = head
        self.statusCode = head.status.code
        self.body = ResponseBody(foreignBody)
    }

    /// The fields behind the body; `nil` before its end was read, and if there are none.
    public var trailers: HTTPFields? { body.trailers }
}

extension OutboundResponse: ResponseHead {
    /// The value of a header field.
    public func value(of name: HeaderName) -> String? {
        head.headerFields.joinedValue(of: name.lowercased)
    }

    /// The values of a header field, one a line.
    public func values(of name: HeaderName) -> [String] {
        head.headerFields.values(of: name.lowercased)
    }

    /// Replaces every value of a header field; a name that HTTP does not allow changes nothing.
    public mutating func setValue(_ value: String, for name: HeaderName) {
        guard let field = HTTPField.Name(name.lowercased) else { return }
        head.headerFields[field] = value
    }

    /// Adds a value behind those that exist.
    public mutating func appendValue(_ value: String, for name: HeaderName) {
        guard let field = HTTPField.Name(name.lowercased) else { return }
        head.headerFields.append(HTTPField(name: field, value: value))
    }

    /// Removes every value of a header field.
    public mutating func removeValues(of name: HeaderName) {
        guard let field = HTTPField.Name(name.lowercased) else { return }
        head.headerFields[field] = nil
    }
}
