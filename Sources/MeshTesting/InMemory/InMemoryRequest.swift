// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A request for tests: the plainest type that routing can read.
public struct InMemoryRequest: RequestHead, FieldListing, Hashable {
    /// The method.
    public var method: String
    /// The scheme.
    public var scheme: String?
    /// The authority.
    public var authority: String?
    /// The path with its query.
    public var path: String
    /// Whether it can be sent again.
    public var isReplayable: Bool
    /// The header fields, in order.
    public var headers: [(name: HeaderName, value: String)]

    /// Creates a request.
    public init(
        method: String = "GET",
        scheme: String? = "http",
        authority: String? = "reviews",
        path: String = "/",
        headers: [(name: HeaderName, value: String)] = [],
        isReplayable: Bool = true
    ) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.headers = headers
        self.isReplayable = isReplayable
    }

    /// The header fields in their order.
    public var listedFields: [(name: String, value: String)] { headers.map { ($0.name.lowercased, $0.value) } }

    /// The values of a header, joined by commas.
    public func value(of name: HeaderName) -> String? {
        let values = values(of: name)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    /// The values of a header.
    public func values(of name: HeaderName) -> [String] {
        headers.filter { $0.name == name }.map(\.value)
    }

    /// Whether some header's name begins with this.
    public func mayHaveHeaders(prefixed prefix: String) -> Bool {
        headers.contains { $0.name.lowercased.hasPrefix(prefix) }
    }

    /// Asks a header's values one by one.
    public func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool {
        headers.contains { $0.name == name && condition($0.value) }
    }

    /// Replaces the values of a header.
    public mutating func setValue(_ value: String, for name: HeaderName) {
        removeValues(of: name)
        headers.append((name, value))
    }

    /// Adds a value to a header.
    public mutating func appendValue(_ value: String, for name: HeaderName) {
        headers.append((name, value))
    }

    /// Removes a header.
    public mutating func removeValues(of name: HeaderName) {
        headers.removeAll { $0.name == name }
    }

    /// Turns the request to a `GET`; it has no body.
    public mutating func becomeGET() -> Bool {
        method = "GET"
        return true
    }

    /// Changes the scheme.
    public mutating func becomeScheme(_ scheme: String) -> Bool {
        self.scheme = scheme
        return true
    }

    /// Whether both are the same request.
    public static func == (lhs: InMemoryRequest, rhs: InMemoryRequest) -> Bool {
        lhs.method == rhs.method && lhs.scheme == rhs.scheme && lhs.authority == rhs.authority && lhs.path == rhs.path
            && lhs.isReplayable == rhs.isReplayable && lhs.headers.elementsEqual(rhs.headers, by: ==)
    }

    /// Feeds the request line to a hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(method)
        hasher.combine(authority)
        hasher.combine(path)
    }
}

/// A response for tests.
public struct InMemoryResponse: ResponseHead, Hashable {
    /// The status code.
    public var statusCode: Int
    /// The header fields.
    public var headers: [HeaderName: String]
    /// The fields behind the body.
    public var trailers: [HeaderName: String]

    /// Creates a response.
    public init(
        _ statusCode: Int = 200,
        headers: [HeaderName: String] = [:],
        trailers: [HeaderName: String] = [:]
    ) {
        self.statusCode = statusCode
        self.headers = headers
        self.trailers = trailers
    }

    /// The value of a header.
    public func value(of name: HeaderName) -> String? { headers[name] }

    /// Replaces the value of a header.
    public mutating func setValue(_ value: String, for name: HeaderName) { headers[name] = value }

    /// Adds a value to a header, behind a comma where it has one.
    public mutating func appendValue(_ value: String, for name: HeaderName) {
        headers[name] = headers[name].map { "\($0),\(value)" } ?? value
    }

    /// Removes a header.
    public mutating func removeValues(of name: HeaderName) { headers[name] = nil }
}
