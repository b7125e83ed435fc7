// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A JSON value to print; fields keep their order.
indirect enum JSONValue: Equatable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case fields([Field])

    /// A field of an object.
    struct Field: Equatable {
        var name: String
        var value: JSONValue
    }

    /// A text, or `null` for none.
    init(_ text: String?) {
        self = text.map(JSONValue.text) ?? .null
    }

    /// An object whose fields are given as pairs; those that are `nil` are left out.
    static func object(_ fields: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .fields(fields.compactMap { name, value in value.map { Field(name: name, value: $0) } })
    }

    /// The value as text, indented by two blanks a level.
    var text: String {
        var text = ""
        write(to: &text, indentation: "")
        return text
    }

    private func write(to text: inout String, indentation: String) {
        let inner = indentation + "  "
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        // JSON has no word for what is not finite.
        case .number(let value): text += value.isFinite ? "\(value)" : "null"
        case .text(let value): Self.write(value, to: &text)
        case .list(let elements):
            guard !elements.isEmpty else {
                text += "[]"
                return
            }
            for (position, element) in elements.enumerated() {
                text += position == 0 ? "[\n\(inner)" : ",\n\(inner)"
                element.write(to: &text, indentation: inner)
            }
            text += "\n\(indentation)]"
        case .fields(let fields):
            guard !fields.isEmpty else {
                text += "{}"
                return
            }
            for (position, field) in fields.enumerated() {
                text += position == 0 ? "{\n\(inner)" : ",\n\(inner)"
                Self.write(field.name, to: &text)
                text += ": "
                field.value.write(to: &text, indentation: inner)
            }
            text += "\n\(indentation)}"
        }
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
