// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Text from outside, made safe for a log line: nobody who sends a request may forge a line, move the terminal's
/// cursor, reverse the reading direction or fill the disk.
struct EscapedText: CustomStringConvertible {
    let description: String

    /// Escapes quotes, back-slashes and everything that does not print, and cuts after `limit` bytes.
    ///
    /// Control characters become `\xHH`, other invisible characters `\u{HHHH}`.
    init(_ text: String, limit: Int = 2048) {
        // Almost every path and host is plain ASCII: no copy is made of those.
        if text.utf8.count <= limit, text.utf8.allSatisfy(Self.isPlain) {
            description = text
            return
        }
        var escaped = ""
        for scalar in text.unicodeScalars {
            guard escaped.utf8.count < limit else {
                escaped += "…"
                break
            }
            Self.append(scalar, to: &escaped)
        }
        description = escaped
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
        switch scalar {
        case "\"": text += "\\\""
        case "\\": text += "\\\\"
        default:
            switch scalar.properties.generalCategory {
            case .control:
                text += scalar.value < 0x10 ? "\\x0" : "\\x"
                text += String(scalar.value, radix: 16, uppercase: true)
            // Format characters include the overrides of the reading direction.
            case .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                text += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            default:
                text.unicodeScalars.append(scalar)
            }
        }
    }
}
