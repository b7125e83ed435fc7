// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension MetadataValue {
    /// A claim as the value of a header, as Envoy writes it; `nil` where there is nothing to write, or nothing that may
    /// stand in a header: a line's end in it would begin another header.
    var headerText: String? {
        let text: String
        switch self {
        case .null: return nil
        case .boolean(let value): text = value ? "true" : "false"
        case .number(let value): text = value.claimText
        case .text(let value): text = value
        case .list, .fields: text = Base64.encoded(Array(json.utf8))
        }
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return nil }
        return text
    }

    /// The value as JSON, with names in order.
    var json: String {
        switch self {
        case .null: "null"
        case .boolean(let value): value ? "true" : "false"
        case .number(let value):
            value.rounded(.towardZero) == value && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        case .text(let text): Self.quoted(text)
        case .list(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
        case .fields(let fields):
            "{"
                + fields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { Self.quoted($0.key) + ":" + $0.value.json }.joined(separator: ",") + "}"
        }
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
            case "\u{08}": result += "\\b"
            case "\u{0C}": result += "\\f"
            // As protobuf writes JSON: it may stand in a page.
            case "<", ">": result += escape(scalar)
            case "\u{00}"..."\u{1F}", "\u{7F}": result += escape(scalar)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    }
}

extension Double {
    /// A number of a claim as Envoy writes it in headers: whole ones as such, others with six digits behind the point.
    fileprivate var claimText: String {
        if self >= 0, self < 18_446_744_073_709_551_616, rounded(.towardZero) == self { return "\(UInt64(self))" }
        let isNegative = self < 0
        // Beyond this nothing is left behind the point, nor would the product below fit.
        guard abs(self) < 1e12 else { return "\(self)" }
        let millionths = UInt64((abs(self) * 1e6).rounded(.toNearestOrEven))
        let fraction = "\(millionths % 1_000_000)"
        let zeros = String(repeating: "0", count: 6 - fraction.utf8.count)
        return (isNegative ? "-" : "") + "\(millionths / 1_000_000).\(zeros)\(fraction)"
    }
}
