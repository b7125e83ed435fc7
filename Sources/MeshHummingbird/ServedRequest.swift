// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore

/// The head of a request that a server got, as routing and authorization read it.
struct ServedRequest: RequestHead, FieldListing {
    var head: HTTPRequest

    var method: String { head.method.rawValue }
    var scheme: String? { head.scheme }
    var authority: String? {
        get { head.authority }
        set { head.authority = newValue }
    }
    var path: String {
        get { head.path ?? "/" }
        set { head.path = newValue }
    }
    var listedFields: [(name: String, value: String)] {
        head.headerFields.map { ($0.name.canonicalName, $0.value) }
    }
    /// Nobody sends a request again that was served.
    var isReplayable: Bool { false }

    func value(of name: HeaderName) -> String? {
        var found: String?
        for field in head.headerFields where field.name.canonicalName == name.lowercased {
            found = found.map { "\($0),\(field.value)" } ?? field.value
        }
        return found
    }

    func hasValue(of name: HeaderName, where condition: (String) -> Bool) -> Bool {
        head.headerFields.contains { $0.name.canonicalName == name.lowercased && condition($0.value) }
    }

    mutating func setValue(_ value: String, for name: HeaderName) {
        guard let name = HTTPField.Name(name.lowercased) else { return }
        head.headerFields[name] = value
    }

    mutating func appendValue(_ value: String, for name: HeaderName) {
        guard let name = HTTPField.Name(name.lowercased) else { return }
        head.headerFields.append(HTTPField(name: name, value: value))
    }

    mutating func removeValues(of name: HeaderName) {
        guard let name = HTTPField.Name(name.lowercased) else { return }
        head.headerFields[name] = nil
    }
}
