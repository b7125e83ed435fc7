// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Where a field stands in a resource: `virtual_hosts[0].routes[2].match`.
struct FieldPath: Hashable, Sendable, CustomStringConvertible {
    /// The path as text; empty for the resource itself.
    private(set) var description: String

    /// The resource itself.
    static let root = FieldPath(description: "")

    /// A field of this message.
    subscript(field: String) -> FieldPath {
        FieldPath(description: description.isEmpty ? field : "\(description).\(field)")
    }

    /// An element of a repeated field of this message.
    subscript(field: String, position: Int) -> FieldPath {
        FieldPath(description: "\(self[field].description)[\(position)]")
    }

    /// A value of a map field of this message.
    subscript(field: String, key key: String) -> FieldPath {
        FieldPath(description: "\(self[field].description)[\(key)]")
    }
}
