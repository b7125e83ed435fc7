// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A reply can be changed as a response of the upstream can: routes and filters do the same to both.
extension LocalReply: ResponseHead {
    /// The HTTP status code.
    public var statusCode: Int { status }

    /// The values of a header, joined by commas.
    public func value(of name: HeaderName) -> String? {
        let values = values(of: name)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    /// The values of a header.
    public func values(of name: HeaderName) -> [String] {
        headers.filter { $0.name == name }.map(\.value)
    }

    /// Replaces the values of a header.
    public mutating func setValue(_ value: String, for name: HeaderName) {
        removeValues(of: name)
        headers.append(Header(name, value))
    }

    /// Adds a value to a header.
    public mutating func appendValue(_ value: String, for name: HeaderName) {
        headers.append(Header(name, value))
    }

    /// Removes a header.
    public mutating func removeValues(of name: HeaderName) {
        headers.removeAll { $0.name == name }
    }
}
