// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A response's head that nobody sent: what an upstream is assumed to answer, or what a route answers in its place.
public struct PreviewedResponse: ResponseHead, Hashable {
    /// The status code.
    public var statusCode: Int
    /// The header fields, in order.
    public var headers: PreviewedFields

    /// Creates a head.
    public init(_ statusCode: Int = 200, headers: PreviewedFields = []) {
        self.statusCode = statusCode
        self.headers = headers
    }

    /// The values of a header, joined by `,`; `nil` if it is absent. `:status` is the status code.
    public func value(of name: HeaderName) -> String? {
        name == Self.status ? String(statusCode) : headers.value(of: name)
    }
    /// The values of a header, in order.
    public func values(of name: HeaderName) -> [String] {
        name == Self.status ? [String(statusCode)] : headers.values(of: name)
    }
    /// Replaces every value of a header by one.
    public mutating func setValue(_ value: String, for name: HeaderName) { headers.set(value, for: name) }
    /// Adds a value behind those that exist.
    public mutating func appendValue(_ value: String, for name: HeaderName) { headers.append(value, for: name) }
    /// Removes every value of a header.
    public mutating func removeValues(of name: HeaderName) { headers.remove(name) }

    private static let status: HeaderName = ":status"
}
