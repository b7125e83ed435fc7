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

    /// A value of a map field of this message. A long key is cut off: every path below it would be as long, and there is one
    /// for each field that is looked at.
    subscript(field: String, key key: String) -> FieldPath {
        FieldPath(description: "\(self[field].description)[\(key.cut(to: Self.maximumKeyLength))]")
    }

    /// How much of a key is kept, in Unicode scalars.
    private static let maximumKeyLength = 128
}

extension String {
    /// The text, or its first Unicode scalars and an ellipsis. Characters are no measure: one may have any number of them.
    func cut(to length: Int) -> String {
        guard utf8.count > length, let end = unicodeScalars.index(startIndex, offsetBy: length, limitedBy: endIndex),
            end < endIndex
        else { return self }
        return String(self[..<end]) + "…"
    }
}
