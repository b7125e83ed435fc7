// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// Reads JSON (RFC 8259) that strangers have written, into values.
///
/// Everything that leaves room for two readings is refused: names twice in one object, bytes that are no UTF-8, halves of
/// surrogate pairs, numbers beyond a double's range.
package struct JSONValueReader {
    /// How deep lists and objects may stand in one another: protobuf's limit, by which Envoy reads tokens.
    static let maximumDepth = 100

    private struct Malformed: Error {}

    private let bytes: ArraySlice<UInt8>
    private var offset: Int

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.offset = bytes.startIndex
    }

    /// Reads an object.
    /// - Returns: `nil` for what is none.
    /// - Complexity: O(bytes).
    package static func object(_ bytes: [UInt8]) -> [String: MetadataValue]? {
        var reader = JSONValueReader(bytes[...])
        do throws(Malformed) {
            guard case .fields(let fields) = try reader.value(depth: 0) else { return nil }
            reader.skipSpace()
            return reader.offset == bytes.endIndex ? fields : nil
        } catch {
            return nil
        }
    }

    private var next: UInt8? { offset < bytes.endIndex ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func value(depth: Int) throws(Malformed) -> MetadataValue {
        guard depth < Self.maximumDepth else { throw Malformed() }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .fields(try fields(depth + 1))
        case UInt8(ascii: "["): return .list(try elements(depth + 1))
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func word(_ word: String, _ value: MetadataValue) throws(Malformed) -> MetadataValue {
        guard bytes[offset...].starts(with: word.utf8) else { throw Malformed() }
        offset += word.utf8.count
        return value
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func elements(_ depth: Int) throws(Malformed) -> [MetadataValue] {
        offset += 1
        var elements: [MetadataValue] = []
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw Malformed() }
        }
    }

    private mutating func fields(_ depth: Int) throws(Malformed) -> [String: MetadataValue] {
        offset += 1
        var fields: [String: MetadataValue] = [:]
        skipSpace()
        if take("}") { return fields }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw Malformed() }
            let name = try text()
            skipSpace()
            guard take(":") else { throw Malformed() }
            // Whoever takes the first and whoever takes the last of two would decide otherwise.
            guard fields.updateValue(try value(depth: depth), forKey: name) == nil else { throw Malformed() }
            skipSpace()
            if take("}") { return fields }
            guard take(",") else { throw Malformed() }
        }
    }

    private mutating func number() throws(Malformed) -> Double {
        let start = offset
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        guard let number = Double(String(decoding: bytes[start..<offset], as: UTF8.self)), number.isFinite else {
            throw Malformed()
        }
        return number
    }

    private mutating func digits() throws(Malformed) {
        let start = offset
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        if offset == start { throw Malformed() }
    }

    private mutating func text() throws(Malformed) -> String {
        offset += 1
        var result: [UInt8] = []
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: result, as: UTF8.self) else { throw Malformed() }
                return text
            case UInt8(ascii: "\\"): try escape(into: &result)
            case 0..<0x20: throw Malformed()
            default: result.append(byte)
            }
        }
        throw Malformed()
    }

    private mutating func escape(into result: inout [UInt8]) throws(Malformed) {
        guard let byte = next else { throw Malformed() }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var code = try unit()
            if (0xD800..<0xDC00).contains(code) {
                guard take("\\"), take("u") else { throw Malformed() }
                let low = try unit()
                guard (0xDC00..<0xE000).contains(low) else { throw Malformed() }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw Malformed() }
            result.append(contentsOf: String(Character(scalar)).utf8)
        default: throw Malformed()
        }
    }

    /// The four digits of an escape.
    private mutating func unit() throws(Malformed) -> UInt32 {
        guard offset + 4 <= bytes.endIndex else { throw Malformed() }
        var unit: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { throw Malformed() }
            unit = unit << 4 | UInt32(digit)
        }
        offset += 4
        return unit
    }
}
