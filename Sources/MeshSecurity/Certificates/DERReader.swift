// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Reads values in the Distinguished Encoding Rules (X.690), as far as certificates and revocation lists need it.
///
/// It never reads behind its bytes and takes no recursion from them; whatever is not DER is an error.
struct DERReader {
    /// Bytes that are not what they should be.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    /// One value: its tag, what it holds, and all of it.
    struct Value {
        let tag: UInt8
        let content: ArraySlice<UInt8>
        let whole: ArraySlice<UInt8>

        /// A reader of what it holds.
        var inside: DERReader { DERReader(content) }
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// Whether everything has been read.
    var isAtEnd: Bool { rest.isEmpty }

    /// The tag of the next value; `nil` at the end.
    var nextTag: UInt8? { rest.first }

    /// Reads a value.
    /// - Parameter tag: The tag that it must have; `nil` for any.
    mutating func next(_ tag: UInt8? = nil) throws(Malformed) -> Value {
        guard rest.count >= 2, let found = rest.first else { throw Malformed(description: "a value is cut off") }
        // Certificates have no tags of more than one byte.
        guard found & 0x1f != 0x1f else { throw Malformed(description: "a tag has several bytes") }
        guard tag == nil || tag == found else { throw Malformed(description: "tag \(found) where another one belongs") }
        let start = rest.startIndex
        var length = Int(rest[start + 1])
        var header = 2
        if length >= 0x80 {
            let count = length & 0x7f
            guard (1...4).contains(count), rest.count >= 2 + count, rest[start + 2] != 0 else {
                throw Malformed(description: "a length is none of DER")
            }
            length = rest[(start + 2)..<(start + 2 + count)].reduce(0) { $0 << 8 | Int($1) }
            guard length >= 0x80 else { throw Malformed(description: "a length is longer than it has to be") }
            header += count
        }
        guard length <= rest.count - header else { throw Malformed(description: "a value is cut off") }
        let whole = rest[start..<(start + header + length)]
        rest = rest[whole.endIndex...]
        return Value(tag: found, content: whole[(start + header)...], whole: whole)
    }

    /// Reads a value if it has the tag.
    mutating func optional(_ tag: UInt8) throws(Malformed) -> Value? {
        nextTag == tag ? try next(tag) : nil
    }
}

/// The tags that certificates and revocation lists have.
enum DERTag {
    static let boolean: UInt8 = 0x01
    static let integer: UInt8 = 0x02
    static let bitString: UInt8 = 0x03
    static let octetString: UInt8 = 0x04
    static let objectIdentifier: UInt8 = 0x06
    static let utcTime: UInt8 = 0x17
    static let generalizedTime: UInt8 = 0x18
    static let sequence: UInt8 = 0x30
    static let set: UInt8 = 0x31
    /// The context's own tag, of a plain value or of one that holds others.
    static func context(_ number: UInt8, holdsOthers: Bool) -> UInt8 { (holdsOthers ? 0xa0 : 0x80) | number }
}

extension DERReader.Value {
    /// The instant that it stands for, in seconds since 1970 (RFC 5280 §4.1.2.5: in UTC, with seconds, without parts).
    func time() throws(DERReader.Malformed) -> Int64 {
        let digits = content.map { Int64($0) - 48 }
        let isLong = tag == DERTag.generalizedTime
        let count = isLong ? 14 : 12
        guard isLong || tag == DERTag.utcTime, digits.count == count + 1, content.last == UInt8(ascii: "Z"),
            digits.dropLast().allSatisfy({ (0...9).contains($0) })
        else { throw DERReader.Malformed(description: "a time is none") }
        func number(_ start: Int, _ length: Int) -> Int64 { digits[start..<start + length].reduce(0) { $0 * 10 + $1 } }
        let offset = isLong ? 4 : 2
        let short = number(0, offset)
        let year = isLong ? short : (short < 50 ? 2000 + short : 1900 + short)
        let (month, day) = (number(offset, 2), number(offset + 2, 2))
        let (hour, minute, second) = (number(offset + 4, 2), number(offset + 6, 2), number(offset + 8, 2))
        guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60 else {
            throw DERReader.Malformed(description: "a time is none")
        }
        // Days since 1970 in the Gregorian calendar, with years that begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let ofEra = shifted - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
        return days * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// The number's bytes in hexadecimal, lower case, without leading zeros, as Envoy writes serial numbers.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        let text = content.drop { $0 == 0 }.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return text.isEmpty ? "00" : String(decoding: text, as: UTF8.self)
    }
}
