// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension MetadataValue: ExpressibleByStringLiteral {
    /// Creates a text.
    public init(stringLiteral value: String) {
        self = .text(value)
    }
}

extension MetadataValue: Codable {
    /// Reads a value of JSON.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([MetadataValue].self) {
            self = .list(value)
        } else {
            self = .fields(try container.decode([String: MetadataValue].self))
        }
    }

    /// Writes a value of JSON.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .boolean(let value): try container.encode(value)
        case .fields(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .null: try container.encodeNil()
        }
    }
}
