// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

/// A value of JSON, as a node's metadata holds it.
public enum MetadataValue: Hashable, Sendable, Codable, ExpressibleByStringLiteral {
    /// A text.
    case string(String)
    /// A number.
    case number(Double)
    /// True or false.
    case bool(Bool)
    /// Values by name.
    case object([String: MetadataValue])
    /// Values in order.
    case list([MetadataValue])
    /// Nothing.
    case null

    /// Creates a text.
    public init(stringLiteral value: String) {
        self = .string(value)
    }

    /// Reads a value of JSON.
    public init(from decoder: any Swift.Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([MetadataValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: MetadataValue].self))
        }
    }

    /// Writes a value of JSON.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .bool(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .null: try container.encodeNil()
        }
    }

    /// The value as protobuf's `Value`.
    var proto: Google_Protobuf_Value {
        switch self {
        case .string(let value): Google_Protobuf_Value(stringValue: value)
        case .number(let value): Google_Protobuf_Value(numberValue: value)
        case .bool(let value): Google_Protobuf_Value(boolValue: value)
        case .object(let value):
            Google_Protobuf_Value(structValue: Google_Protobuf_Struct(fields: value.mapValues(\.proto)))
        case .list(let value): Google_Protobuf_Value(listValue: .with { $0.values = value.map(\.proto) })
        case .null: .with { $0.nullValue = .nullValue }
        }
    }
}
