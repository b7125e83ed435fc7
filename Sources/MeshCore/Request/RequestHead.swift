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
    /// How many bytes the body has; `nil` if nobody knows before it is sent. Default: what `content-length` says.
    var knownBodyLength: Int? { get }

    /// The value of a header; several values are joined by `,` as Envoy matches them; `nil` if absent.
    func value(of name: HeaderName) -> String?
    /// The values of a header, in order, where it matters which is the first or how many there are.
    ///
    /// By default what `value(of:)` answers stands for one value; conformances that keep several apart say so here.
    func values(of name: HeaderName) -> [String]
    /// Whether some header's name begins with this, in lower case; whoever looks for many of them asks this first.
    ///
    /// `true` by default; it may be `true` where no header has such a name, and must not be `false` where one has.
    func mayHaveHeaders(prefixed prefix: String) -> Bool
    /// Whether one of a header's values, each by itself, is such a one; no value is asked for behind that one. `false`
    /// if the header is absent.
    ///
    /// By default it asks `values(of:)`; a type that can ask its values without a list of them conforms it.
    func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool
    /// Replaces every value of a header by one.
    mutating func setValue(_ value: String, for name: HeaderName)
    /// Adds a value behind those that exist.
    mutating func appendValue(_ value: String, for name: HeaderName)
    /// Removes every value of a header.
    mutating func removeValues(of name: HeaderName)
    /// Turns the request to a `GET` without a body, as a 303 asks for.
    /// - Returns: Whether it is one now; `false` by default: the type cannot do so.
    mutating func becomeGET() -> Bool
    /// Changes the scheme.
    /// - Returns: Whether it is that one now; `false` by default, unless it was so before.
    mutating func becomeScheme(_ scheme: String) -> Bool
}

extension RequestHead {
    /// The bytes of the body, as the request declares them.
    public var knownBodyLength: Int? { value(of: "content-length").flatMap { Int($0) } }

    /// Whether it is a `GET` already.
    @inlinable
    public mutating func becomeGET() -> Bool { method == "GET" }

    /// Whether it has that scheme already.
    @inlinable
    public mutating func becomeScheme(_ scheme: String) -> Bool { self.scheme == scheme }

    /// `true`: the type cannot tell.
    @inlinable
    public func mayHaveHeaders(prefixed prefix: String) -> Bool { true }

    /// The values of a header that are not kept apart.
    @inlinable
    public func values(of name: HeaderName) -> [String] {
        value(of: name).map { [$0] } ?? []
    }

    /// Asks each of `values(of:)`.
    @inlinable
    public func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool {
        values(of: name).contains(where: condition)
    }

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
