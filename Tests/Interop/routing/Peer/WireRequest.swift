// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A request as it goes on the wire: its fields in order, each line for itself.
struct WireRequest: RequestHead {
    var method: String
    var scheme: String?
    var authority: String?
    var path: String
    var fields: [(name: HeaderName, value: String)]
    var isReplayable: Bool { true }

    func value(of name: HeaderName) -> String? {
        let values = values(of: name)
        // RFC 9113 §8.2.3: lines of this field are one list of cookies.
        return values.isEmpty ? nil : values.joined(separator: name == "cookie" ? "; " : ",")
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

    mutating func becomeGET() -> Bool {
        method = "GET"
        return true
    }

    mutating func becomeScheme(_ scheme: String) -> Bool {
        self.scheme = scheme
        return true
    }
}
