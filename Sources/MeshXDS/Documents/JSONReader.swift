// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Reads JSON (RFC 8259) with the position of every value.
///
/// Documents come from files and from whoever writes them, so that what it takes is bounded.
struct JSONReader {
    /// How deep lists and objects may stand in one another.
    static let maximumDepth = 100
    /// How long a text may be, in bytes.
    static let maximumLength = 64 << 20

    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1
    /// Where the line begins, less the bytes in it that are not the first of a scalar.
    private var lineStart = 0

    private init(_ text: String) {
        self.bytes = Array(text.utf8)
        // A byte order mark is no part of the text.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { (offset, lineStart) = (3, 3) }
    }

    /// Reads a text.
    /// - Throws: `ConfigurationError` with the line and the column at which it is no JSON, or the bound that it breaks.
    static func read(_ text: String, file: String) throws(ConfigurationError) -> DocumentNode {
        guard text.utf8.count <= maximumLength else {
            throw ConfigurationError(path: file, "is longer than \(maximumLength) bytes")
        }
        var reader = JSONReader(text)
        do throws(Failure) {
            let node = try reader.value(depth: 0)
            reader.skipSpace()
            guard reader.offset == reader.bytes.count else { throw reader.failure("a value is over here") }
            return node
        } catch {
            let place = DocumentPlace(file: file, position: error.position)
            throw ConfigurationError(path: "", "\(place)\(error.message)")
        }
    }

    private struct Failure: Error {
        let position: DocumentPosition
        let message: String
    }

    private func failure(_ message: String) -> Failure { Failure(position: position, message: message) }

    private var position: DocumentPosition { DocumentPosition(line: line, column: offset - lineStart + 1) }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\n"):
                offset += 1
                line += 1
                lineStart = offset
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): offset += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(Failure) -> DocumentNode {
        skipSpace()
        let start = position
        guard let byte = next else { throw failure("the text ends where a value is needed") }
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth < Self.maximumDepth else { throw failure("lists and objects stand more than 100 deep") }
            offset += 1
            let value: DocumentNode.Value =
                byte == UInt8(ascii: "{") ? .fields(try fields(depth + 1)) : .list(try elements(depth + 1))
            return DocumentNode(value, at: start)
        case UInt8(ascii: "\""): return DocumentNode(.text(try text()), at: start)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return DocumentNode(.number(try number()), at: start)
        default:
            for (word, value) in [
                ("true", DocumentNode.Value.boolean(true)), ("false", .boolean(false)), ("null", .null),
            ]
            where bytes[offset...].starts(with: word.utf8) {
                offset += word.utf8.count
                return DocumentNode(value, at: start)
            }
            throw failure("this is no JSON value")
        }
    }

    private mutating func elements(_ depth: Int) throws(Failure) -> [DocumentNode] {
        var elements: [DocumentNode] = []
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw failure("a comma or the list's end is needed") }
        }
    }

    private mutating func fields(_ depth: Int) throws(Failure) -> [DocumentNode.Field] {
        var fields: [DocumentNode.Field] = []
        skipSpace()
        if take("}") { return fields }
        while true {
            skipSpace()
            let start = position
            guard next == UInt8(ascii: "\"") else { throw failure("a key in quotes is needed") }
            let name = try text()
            skipSpace()
            guard take(":") else { throw failure("a colon is needed") }
            fields.append(.init(name, at: start, try value(depth: depth)))
            skipSpace()
            if take("}") { return fields }
            guard take(",") else { throw failure("a comma or the object's end is needed") }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    /// A number as it is written.
    private mutating func number() throws(Failure) -> String {
        let start = offset
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private mutating func digits() throws(Failure) {
        let start = offset
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
        if offset == start { throw failure("a digit is needed") }
    }

    private mutating func text() throws(Failure) -> String {
        offset += 1
        var result: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                offset += 1
                try escape(into: &result)
            case 0..<0x20: throw failure("a control character must be escaped")
            default:
                // Columns count scalars, not their bytes.
                if byte & 0xC0 == 0x80 { lineStart += 1 }
                result.append(byte)
                offset += 1
            }
        }
        throw failure("the text ends in the middle of a string")
    }

    private mutating func escape(into result: inout [UInt8]) throws(Failure) {
        guard let byte = next else { throw failure("the text ends in the middle of a string") }
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
            if (0xD800..<0xDC00).contains(code), bytes[offset...].starts(with: #"\u"#.utf8) {
                offset += 2
                let low = try unit()
                guard (0xDC00..<0xE000).contains(low) else { throw failure("half of a surrogate pair is missing") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair is missing") }
            result.append(contentsOf: String(Character(scalar)).utf8)
        default: throw failure("a backslash stands before what needs none")
        }
    }

    /// The four digits of an escape.
    private mutating func unit() throws(Failure) -> UInt32 {
        guard offset + 4 <= bytes.count,
            let unit = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16),
            bytes[offset] != UInt8(ascii: "+"), bytes[offset] != UInt8(ascii: "-")
        else { throw failure("four hexadecimal digits are needed") }
        offset += 4
        return unit
    }
}
