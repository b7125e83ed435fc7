// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A request's head that is never sent: what previews and checks ask routes about.
public struct PreviewedRequest: RequestHead, Hashable {
    /// The method.
    public var method: String
    /// The scheme.
    public var scheme: String?
    /// The authority.
    public var authority: String?
    /// The path with its query.
    public var path: String
    /// The header fields, in order.
    public var headers: PreviewedFields
    /// Whether it could be sent again.
    public var isReplayable: Bool

    /// Creates a head.
    public init(
        method: String = "GET",
        scheme: String? = "http",
        authority: String?,
        path: String = "/",
        headers: PreviewedFields = [],
        isReplayable: Bool = true
    ) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.headers = headers
        self.isReplayable = isReplayable
    }

    /// The values of a header, joined by `,`; `nil` if it is absent.
    public func value(of name: HeaderName) -> String? { headers.value(of: name) }
    /// The values of a header, in order.
    public func values(of name: HeaderName) -> [String] { headers.values(of: name) }
    /// Whether one of a header's values is such a one.
    public func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool {
        headers.fields.contains { $0.name == name && condition($0.value) }
    }
    /// Replaces every value of a header by one.
    public mutating func setValue(_ value: String, for name: HeaderName) { headers.set(value, for: name) }
    /// Adds a value behind those that exist.
    public mutating func appendValue(_ value: String, for name: HeaderName) { headers.append(value, for: name) }
    /// Removes every value of a header.
    public mutating func removeValues(of name: HeaderName) { headers.remove(name) }
}
