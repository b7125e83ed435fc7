// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What routing, faults, hashing and authorization may ask of any request.
///
/// An adapter conforms its own request type, so that no request is ever copied into one of ours. Conformances answer
/// without allocating where the underlying type allows it; they are called on the request path from any thread.
public protocol RequestHead: Sendable {
    /// The method, upper case for HTTP's own (`GET`).
    var method: String { get }
    /// The scheme (`http`), if the request knows one.
    var scheme: String? { get }
    /// The authority: the `Host` header of HTTP/1.1, `:authority` of HTTP/2. May carry a port.
    var authority: String? { get set }
    /// The path with its query, as on the request line.
    var path: String { get set }
    /// Whether the whole request can be sent again: it has no body, or one that is held in memory.
    var isReplayable: Bool { get }

    /// The value of a header; several values are joined by `,` as Envoy matches them; `nil` if absent.
    func value(of name: HeaderName) -> String?
    /// Replaces every value of a header by one.
    mutating func setValue(_ value: String, for name: HeaderName)
    /// Adds a value behind those that exist.
    mutating func appendValue(_ value: String, for name: HeaderName)
    /// Removes every value of a header.
    mutating func removeValues(of name: HeaderName)
}

extension RequestHead {
    /// Whether RFC 9110 §9.2.2 defines the method as idempotent, so that executing it twice does no more than once.
    @inlinable
    public var isIdempotent: Bool {
        switch method {
        case "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE": true
        default: false
        }
    }

    /// The path without query and fragment.
    @inlinable
    public var pathWithoutQuery: Substring {
        path.withoutQuery
    }
}

extension String {
    /// A path without query and fragment.
    @usableFromInline
    var withoutQuery: Substring {
        if let end = utf8.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            return self[..<end]
        }
        return self[...]
    }
}
