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
}
