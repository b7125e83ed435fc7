// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The header fields of a head that is only looked at, in their order.
public struct PreviewedFields: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// A header field.
    public struct Field: Hashable, Sendable {
        /// Its name.
        public var name: HeaderName
        /// Its value.
        public var value: String

        /// Creates a field.
        public init(_ name: HeaderName, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The fields, in order; a name may stand more than once.
    public var fields: [Field]

    /// Creates a list.
    public init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// Creates a list from a literal.
    public init(arrayLiteral elements: Field...) {
        self.init(elements)
    }

    /// The values of a name, in order.
    /// - Complexity: O(number of fields).
    public func values(of name: HeaderName) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The values of a name, joined by `,`; `nil` if it is absent.
    public func value(of name: HeaderName) -> String? {
        let values = values(of: name)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    /// Replaces every value of a name by one, where the first stood.
    public mutating func set(_ value: String, for name: HeaderName) {
        guard let first = fields.firstIndex(where: { $0.name == name }) else {
            append(value, for: name)
            return
        }
        fields[first].value = value
        let rest = fields[(first + 1)...].filter { $0.name != name }
        fields.replaceSubrange((first + 1)..., with: rest)
    }

    /// Adds a value behind all others.
    public mutating func append(_ value: String, for name: HeaderName) {
        fields.append(Field(name, value))
    }

    /// Removes every value of a name.
    public mutating func remove(_ name: HeaderName) {
        fields.removeAll { $0.name == name }
    }
}
