// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import MeshCore

extension OutboundRequest: RequestHead {
    /// The method.
    public var method: String { head.method.rawValue }

    /// The scheme, if the request has one.
    public var scheme: String? { head.scheme }

    /// The authority; a `Host` field counts where the head has none.
    public var authority: String? {
        get { head.authority ?? head.headerFields.joinedValue(of: "host") }
        set {
            head.authority = newValue
            head.headerFields.removeAll { $0.name.canonicalName == "host" }
        }
    }

    /// The path with its query; `/` where the head has none.
    public var path: String {
        get { head.path ?? "/" }
        set { head.path = newValue }
    }

    /// Whether the body is held in memory, or its owner says that it can be produced again.
    public var isReplayable: Bool { body.isReplayable }

    /// The bytes of a body that is held in memory; of another one what `content-length` says.
    public var knownBodyLength: Int? { body.heldBytes ?? value(of: "content-length").flatMap { Int($0) } }

    /// The value of a header field or pseudo field (`:method`, `:scheme`, `:authority`, `:path`).
    public func value(of name: HeaderName) -> String? {
        guard name.lowercased.utf8.first == UInt8(ascii: ":") else {
            if let value = head.headerFields.joinedValue(of: name.lowercased) { return value }
            return name.lowercased == "host" ? head.authority : nil
        }
        return switch name.lowercased {
        case ":method": method
        case ":scheme": scheme
        case ":authority": authority
        case ":path": path
        default: nil
        }
    }

    /// The values of a header field, one a line.
    public func values(of name: HeaderName) -> [String] {
        let values = head.headerFields.values(of: name.lowercased)
        return values.isEmpty ? value(of: name).map { [$0] } ?? [] : values
    }

    /// Whether some field's name begins with this.
    public func mayHaveHeaders(prefixed prefix: String) -> Bool {
        head.headerFields.contains { $0.name.canonicalName.utf8.starts(with: prefix.utf8) }
    }

    /// Asks the values of a header field one by one.
    public func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool {
        head.headerFields.contains { $0.name.canonicalName == name.lowercased && condition($0.value) }
    }

    /// Replaces every value of a header field; `:authority`, `:path` and `host` change the head.
    public mutating func setValue(_ value: String, for name: HeaderName) {
        switch name.lowercased {
        case ":authority", "host": authority = value
        case ":path": path = value
        default:
            guard let field = HTTPField.Name(name.lowercased) else { return }
            head.headerFields[field] = value
        }
    }

    /// Adds a value behind those that exist.
    public mutating func appendValue(_ value: String, for name: HeaderName) {
        guard let field = HTTPField.Name(name.lowercased) else { return }
        head.headerFields.append(HTTPField(name: field, value: value))
    }

    /// Removes every value of a header field.
    public mutating func removeValues(of name: HeaderName) {
        head.headerFields.removeAll { $0.name.canonicalName == name.lowercased }
    }

    /// Turns the request to a `GET` without a body.
    public mutating func becomeGET() -> Bool {
        head.method = .get
        body = .none
        trailers = nil
        return true
    }

    /// Changes the scheme.
    public mutating func becomeScheme(_ scheme: String) -> Bool {
        head.scheme = scheme
        return true
    }
}

extension HTTPFields {
    /// The values of a field, joined by commas as Envoy matches them; `nil` if the field is absent.
    /// - Complexity: O(fields); allocates only where a field occurs more than once.
    func joinedValue(of canonicalName: String) -> String? {
        var joined: String?
        for field in self where field.name.canonicalName == canonicalName {
            joined = joined.map { "\($0),\(field.value)" } ?? field.value
        }
        return joined
    }

    /// The values of a field, one a line.
    func values(of canonicalName: String) -> [String] {
        var values: [String] = []
        for field in self where field.name.canonicalName == canonicalName { values.append(field.value) }
        return values
    }
}
