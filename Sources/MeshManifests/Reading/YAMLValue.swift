// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A value of a YAML document with its place, aliases and merge keys already resolved.
package struct YAMLValue: Sendable {
    /// A key and its value.
    package struct Entry: Sendable {
        package var key: String
        package var position: SourcePosition
        package var value: YAMLValue
    }

    /// What the value is.
    package enum Content: Sendable {
        case null
        case scalar(YAMLScalar)
        case sequence([YAMLValue])
        case mapping([Entry])
    }

    package var content: Content
    package var position: SourcePosition

    /// The value's type in words, for diagnostics.
    var typeName: String {
        switch content {
        case .null: "empty"
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .scalar(let scalar): scalar.typeName
        }
    }

    /// The value of a key, if this is a mapping that has it.
    subscript(key: String) -> YAMLValue? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }
}

/// A scalar of a YAML document; what it means depends on whether it was quoted.
package struct YAMLScalar: Sendable, Hashable {
    package var text: String
    /// Whether it stood without quotes, so that its text decides its type.
    package var isPlain: Bool

    /// The types that plain text has in Kubernetes (YAML 1.1 as `go-yaml` resolves it).
    package enum PlainType {
        case string, null, boolean, integer, number
    }

    package var plainType: PlainType {
        guard isPlain else { return .string }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "false", "False", "FALSE": return .boolean
        // Kubernetes refuses these where it wants text, since YAML 1.1 takes them for booleans.
        case "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF": return .boolean
        default: break
        }
        if integer != nil { return .integer }
        return number != nil ? .number : .string
    }

    package var boolean: Bool? {
        switch text {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: nil
        }
    }

    /// The value as a whole decimal number.
    var integer: Int? {
        let digits =
            text.utf8.first == UInt8(ascii: "-") || text.utf8.first == UInt8(ascii: "+") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        // More digits than fit are still a number, and out of every bound.
        return Int(text) ?? (text.hasPrefix("-") ? .min : .max)
    }

    /// The value as a decimal number.
    var number: Double? {
        guard let first = text.utf8.first(where: { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "+") }),
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) || first == UInt8(ascii: "."),
            // `Double` reads hexadecimal too, which YAML calls an integer and no field of ours expects.
            !text.utf8.contains(where: { $0 == UInt8(ascii: "x") || $0 == UInt8(ascii: "X") })
        else { return nil }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }

    /// The type in words, for diagnostics.
    var typeName: String {
        switch plainType {
        case .string: "text"
        case .null: "empty"
        case .boolean: "a boolean"
        case .integer, .number: "a number"
        }
    }
}
