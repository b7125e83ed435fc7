// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

extension RuntimeLayer {
    private static let read = ReadFields(Envoy_Service_Runtime_V3_Runtime.self, "name", "layer")

    /// The deepest nesting of keys: as deep as Envoy looks into directories.
    private static let greatestDepth = 16

    /// Decodes a layer. Nested objects become keys with dots; an object with a `numerator` or a `denominator` is a share, and
    /// so is an empty one, as in Envoy.
    /// - Returns: `nil`, with a problem, if a value is none, or a bound is broken.
    init?(_ message: Envoy_Service_Runtime_V3_Runtime, _ context: inout DecodingContext) {
        context.ignoreOthers(in: message, at: .root, read: Self.read)
        self.init(name: message.name.canonicalResourceName)
        guard read(message.layer.fields, below: "", at: .root["layer"], depth: 0, &context) else { return nil }
    }

    /// - Returns: Whether there may be more.
    private mutating func read(
        _ fields: [String: Google_Protobuf_Value],
        below prefix: String,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Bool {
        guard depth < Self.greatestDepth else {
            context.reject(path, "is nested more than \(Self.greatestDepth) deep")
            return false
        }
        // In order, so that the same key is taken of two that come to the same (`a: {b: 1}` and `a.b: 2`).
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            let key = prefix.isEmpty ? name : "\(prefix).\(name)"
            let path = path[name.cut(to: 128)]
            guard values.count < Self.maximumCount else {
                context.reject(.root["layer"], "has more than \(Self.maximumCount) values")
                return false
            }
            // Cut off here, where keys that are nested would grow with the square of their depth.
            guard key.utf8.count <= Self.maximumLength, !name.isEmpty else {
                context.reject(path, name.isEmpty ? "is empty" : "is longer than \(Self.maximumLength) bytes")
                return false
            }
            switch value.kind {
            case .structValue(let inner) where !inner.isShare:
                guard read(inner.fields, below: key, at: path, depth: depth + 1, &context) else { return false }
            case .structValue(let share):
                // Envoy takes one that is none, and has no value then. Whoever wrote it is told here, and the last one stays.
                guard let share = FractionalPercent(share, at: path, &context) else { continue }
                set(key, .fraction(share), at: path, &context)
            case .numberValue(let number):
                guard number.isFinite else {
                    context.reject(path, "must be finite")
                    continue
                }
                set(key, RuntimeValue(number), at: path, &context)
            case .boolValue(let value): set(key, .boolean(value), at: path, &context)
            case .stringValue(let text) where text.utf8.count > Self.maximumLength:
                context.reject(path, "must be at most \(Self.maximumLength) bytes")
            case .stringValue(let text): set(key, RuntimeValue(text: text), at: path, &context)
            case .listValue: context.reject(path, "must be a number, a truth value, a text or an object, is a list")
            case .nullValue, nil: context.reject(path, "must be a number, a truth value, a text or an object, is null")
            }
        }
        return true
    }

    private mutating func set(
        _ key: String,
        _ value: RuntimeValue,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        if values[key] == nil {
            values[key] = value
        } else {
            context.ignore(path, "\(key) stands there twice; the first one counts")
        }
    }
}

extension RuntimeValue {
    /// A text by what it reads as: a truth value, a number, or nothing but a text.
    fileprivate init(text: String) {
        let word = text.trimmed
        switch word.lowercased() {
        case "true": self = .boolean(true)
        case "false": self = .boolean(false)
        default:
            if let number = UInt64(word) {
                self = .integer(number)
            } else if let number = Double(word), number.isFinite, !word.contains(where: { "xXpP".contains($0) }) {
                self = RuntimeValue(number)
            } else {
                self = .text(text)
            }
        }
    }
}

extension String {
    /// The text without the white space of ASCII around it.
    fileprivate var trimmed: Substring {
        func isSpace(_ character: Character) -> Bool { character == " " || character.isNewline || character == "\t" }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return self[first...last]
    }
}

extension Google_Protobuf_Struct {
    /// Whether it is a share, and not a level of keys.
    fileprivate var isShare: Bool { fields.isEmpty || fields["numerator"] != nil || fields["denominator"] != nil }
}

extension FractionalPercent {
    /// Reads a share in protobuf's JSON.
    /// - Returns: `nil`, with a problem, if it is none.
    fileprivate init?(_ message: Google_Protobuf_Struct, at path: FieldPath, _ context: inout DecodingContext) {
        for name in message.fields.keys.sorted() where name != "numerator" && name != "denominator" {
            context.reject(path[name.cut(to: 128)], "is no field of a share")
            return nil
        }
        var numerator: UInt32 = 0
        if let value = message.fields["numerator"] {
            guard case .numberValue(let number) = value.kind, let whole = UInt32(exactly: number) else {
                context.reject(path["numerator"], "must be a whole number from 0 to 4294967295")
                return nil
            }
            numerator = whole
        }
        switch message.fields["denominator"]?.kind {
        case nil, .stringValue("HUNDRED"), .numberValue(0): self.init(numerator: numerator)
        case .stringValue("TEN_THOUSAND"), .numberValue(1): self.init(numerator: numerator, denominator: .tenThousand)
        case .stringValue("MILLION"), .numberValue(2): self.init(numerator: numerator, denominator: .million)
        default:
            context.reject(path["denominator"], "must be HUNDRED, TEN_THOUSAND or MILLION")
            return nil
        }
    }
}
