// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Base 64 for URLs without padding (RFC 4648 §5, RFC 7515 §2).
///
/// Strict where tokens are read: a text that decodes to the same bytes as another one is refused, so that a token has one
/// form only.
package enum Base64URL {
    /// Writes bytes.
    package static func encoded(_ bytes: [UInt8]) -> String {
        let text = Base64.encoded(bytes).utf8.compactMap { digit -> UInt8? in
            switch digit {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: digit
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a text.
    /// - Parameter allowsPadding: Whether `=` may stand at the end, as in keys that others have written.
    /// - Returns: `nil` for other characters, padding, a digit alone, and bits left over.
    package static func decoded(_ text: some Sequence<UInt8>, allowsPadding: Bool = false) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.underestimatedCount / 4 * 3 + 2)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        var digits = 0
        var padding = 0
        for digit in text {
            if allowsPadding, digit == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: digit) else { return nil }
            digits += 1
            bits = bits << 6 | value
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> count))
        }
        guard digits % 4 != 1, padding == 0 || (digits + padding) % 4 == 0, padding <= 2 else { return nil }
        return bits & (1 << count - 1) == 0 ? bytes : nil
    }

    /// The padding that a text lacks.
    package static func padding(of text: String) -> String {
        String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
