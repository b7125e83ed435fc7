// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Turns the bytes of a file into text that YAML may consist of.
enum TextCheck {
    /// What keeps bytes from being text, and where.
    struct Problem: Error, Equatable {
        var code: Diagnostic.Code
        var line: Int
        var column: Int
        var message: String
    }

    /// Decodes UTF-8 and looks for characters that YAML forbids (YAML 1.1 §5.1).
    ///
    /// libyaml would find them too, but without saying where they stand.
    static func text(of bytes: [UInt8]) throws(Problem) -> String {
        var line = 1
        var column = 1
        var previous: Unicode.Scalar?
        var decoder = UTF8()
        var input = bytes.makeIterator()
        decoding: while true {
            switch decoder.decode(&input) {
            case .emptyInput: break decoding
            case .error:
                throw Problem(
                    code: .invalidUTF8,
                    line: line,
                    column: column,
                    message: "the file is not UTF-8 from here on"
                )
            case .scalarValue(let scalar):
                guard isAllowed(scalar) else {
                    throw Problem(
                        code: .controlCharacter,
                        line: line,
                        column: column,
                        message: "YAML does not allow the character U+\(hexadecimal(scalar))"
                    )
                }
                if scalar == "\n" || scalar == "\r" {
                    if !(scalar == "\n" && previous == "\r") { line += 1 }
                    column = 1
                } else {
                    column += 1
                }
                previous = scalar
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85: true
        case 0xA0...0xFFFD, 0x1_0000...: true
        default: false
        }
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
