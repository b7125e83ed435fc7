// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

extension MetadataValue {
    /// The value as text: a text as it is, everything else in JSON with its keys in order; `nil` for nothing.
    package var formatted: String? {
        switch self {
        case .null: nil
        case .text(let text): text
        default: json(depth: 0)
        }
    }

    /// Deeper than this nothing is written: no configuration is, and the stack has an end.
    private static let greatestDepth = 64

    private func json(depth: Int) -> String {
        guard depth < Self.greatestDepth else { return "null" }
        switch self {
        case .null: return "null"
        case .boolean(let value): return value ? "true" : "false"
        case .number(let value): return Self.json(value)
        case .text(let value): return Self.quoted(value)
        case .list(let values): return "[" + values.map { $0.json(depth: depth + 1) }.joined(separator: ",") + "]"
        case .fields(let fields):
            let members = fields.sorted { $0.key < $1.key }
                .map { Self.quoted($0.key) + ":" + $0.value.json(depth: depth + 1) }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    private static func json(_ number: Double) -> String {
        guard number.isFinite else { return number.isNaN ? "\"NaN\"" : number < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
        return Int64(exactly: number).map { String($0) } ?? "\(number)"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
