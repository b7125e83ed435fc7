// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A response as it comes from the wire: its fields in order, each line for itself. Bodies are empty.
struct WireResponse: ResponseHead {
    var statusCode: Int
    var fields: [(name: HeaderName, value: String)]

    func value(of name: HeaderName) -> String? {
        let values = values(of: name)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    func values(of name: HeaderName) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    mutating func setValue(_ value: String, for name: HeaderName) {
        removeValues(of: name)
        fields.append((name, value))
    }

    mutating func appendValue(_ value: String, for name: HeaderName) {
        fields.append((name, value))
    }

    mutating func removeValues(of name: HeaderName) {
        fields.removeAll { $0.name == name }
    }
}
