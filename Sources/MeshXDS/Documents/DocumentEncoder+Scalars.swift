// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension DocumentEncoder {
    /// Writes a number, a text or a truth value.
    mutating func scalar(
        _ node: DocumentNode,
        _ letter: Character,
        _ number: Int,
        at path: FieldPath,
        into writer: inout WireWriter
    ) {
        switch letter {
        case "s":
            guard case .text(let text) = node.value else { return reject(path, node, "must be a text") }
            writer.field(number, bytes: text.utf8)
        case "y":
            guard case .text(let text) = node.value, let bytes = Base64.decoded(text) else {
                return reject(path, node, "must be bytes in base64")
            }
            writer.field(number, bytes: bytes)
        case "b":
            guard let value = node.boolean else { return reject(path, node, "must be true or false") }
            writer.field(number, varint: value ? 1 : 0)
        case "i", "l":
            let range = letter == "i" ? Int64(Int32.min)...Int64(Int32.max) : Int64.min...Int64.max
            guard let value = node.written.flatMap(DocumentNumber.integer), let value = Int64(exactly: value),
                range.contains(value)
            else {
                return reject(path, node, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            writer.field(number, varint: UInt64(bitPattern: value))
        case "u", "v":
            let bound = letter == "u" ? UInt64(UInt32.max) : UInt64.max
            guard let value = node.written.flatMap(DocumentNumber.integer), let value = UInt64(exactly: value),
                value <= bound
            else { return reject(path, node, "must be a whole number from 0 to \(bound)") }
            writer.field(number, varint: value)
        case "d", "f":
            guard let value = node.written.flatMap(DocumentNumber.real) else {
                return reject(path, node, "must be a number")
            }
            if letter == "d" {
                writer.field(number, fixed: value.bitPattern)
            } else {
                writer.field(number, fixed: Float(value).bitPattern)
            }
        default: reject(path, node, "is of a type that cannot be read")
        }
    }
}

extension DocumentNode {
    /// A truth value; as a map's key it is a text.
    fileprivate var boolean: Bool? {
        switch value {
        case .boolean(let value): value
        case .text("true"): true
        case .text("false"): false
        case .null, .number, .text, .list, .fields: nil
        }
    }

    /// A number as it is written; long ones are written as texts.
    fileprivate var written: String? {
        switch value {
        case .number(let text), .text(let text): text
        case .null, .boolean, .list, .fields: nil
        }
    }
}

/// Reads numbers as protobuf's JSON mapping has them.
enum DocumentNumber {
    /// A whole number, which may be written with an exponent or with zeros behind the point.
    static func integer(_ text: String) -> Int128? {
        if let whole = Int128(text) { return text.hasPrefix("+") ? nil : whole }
        guard let value = finite(text), value.rounded(.towardZero) == value, value.magnitude < 0x1p64 else {
            return nil
        }
        return Int128(value)
    }

    /// A number.
    static func real(_ text: String) -> Double? {
        switch text {
        case "NaN": .nan
        case "Infinity": .infinity
        case "-Infinity": -.infinity
        default: finite(text)
        }
    }

    /// The standard library also reads hexadecimal numbers and words.
    private static func finite(_ text: String) -> Double? {
        let allowed = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
        }
        guard allowed, let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The seconds and nanoseconds of a duration such as `1.5s`.
    static func duration(_ text: String) -> (seconds: Int64, nanos: Int32)? {
        guard text.hasSuffix("s") else { return nil }
        var rest = text.dropLast()
        let isNegative = rest.first == "-"
        if isNegative { rest = rest.dropFirst() }
        let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, isDigits(first), let seconds = Int64(first), seconds <= 315_576_000_000 else {
            return nil
        }
        var nanos: Int32 = 0
        if parts.count == 2 {
            guard parts[1].utf8.count <= 9, isDigits(parts[1]) else { return nil }
            let padded = String(parts[1]) + String(repeating: "0", count: 9 - parts[1].utf8.count)
            guard let fraction = Int32(padded) else { return nil }
            nanos = fraction
        }
        return isNegative ? (-seconds, -nanos) : (seconds, nanos)
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

/// Reads bytes in base64, in the usual alphabet or the one for URLs, padded or not (RFC 4648).
enum Base64 {
    /// The bytes; `nil` if the text is no base64.
    static func decoded(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        var digits = Array(text.utf8)
        for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
        for digit in digits {
            guard let value = value(of: digit) else { return nil }
            buffer = (buffer << 6 | value) & 0xFFFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        // One digit alone is no byte.
        return digits.count % 4 == 1 ? nil : bytes
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
