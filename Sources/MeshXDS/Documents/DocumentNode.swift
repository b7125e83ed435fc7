// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A value of a JSON or YAML document, with where it stands.
///
/// It is what readers of both make, so that one reader of resources serves them: numbers stay as they are written.
public struct DocumentNode: Hashable, Sendable {
    /// A value.
    public indirect enum Value: Hashable, Sendable {
        /// `null`.
        case null
        /// `true` or `false`.
        case boolean(Bool)
        /// A number, as it is written.
        case number(String)
        /// A text.
        case text(String)
        /// A list.
        case list([DocumentNode])
        /// An object, in the order in which its fields are written.
        case fields([Field])
    }

    /// A field of an object.
    public struct Field: Hashable, Sendable {
        /// Its key.
        public var name: String
        /// Where the key stands.
        public var position: DocumentPosition
        /// Its value.
        public var value: DocumentNode

        /// Creates a field.
        public init(_ name: String, at position: DocumentPosition, _ value: DocumentNode) {
            self.name = name
            self.position = position
            self.value = value
        }
    }

    /// The value.
    public var value: Value
    /// Where it begins.
    public var position: DocumentPosition

    /// Creates a node.
    public init(_ value: Value, at position: DocumentPosition) {
        self.value = value
        self.position = position
    }

    /// The fields of an object; `nil` for another value.
    var fields: [Field]? {
        if case .fields(let fields) = value { fields } else { nil }
    }
}
