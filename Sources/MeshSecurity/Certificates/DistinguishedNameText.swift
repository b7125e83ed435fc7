// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A distinguished name as people and configurations write it (RFC 2253), the form in which Envoy compares subjects.
enum DistinguishedNameText {
    /// The short names of RFC 2253 and those that OpenSSL adds, by the identifiers' bytes.
    private static let names: [[UInt8]: String] = [
        [0x55, 4, 3]: "CN", [0x55, 4, 7]: "L", [0x55, 4, 8]: "ST", [0x55, 4, 10]: "O", [0x55, 4, 11]: "OU",
        [0x55, 4, 6]: "C", [0x55, 4, 9]: "street", [0x55, 4, 5]: "serialNumber",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25]: "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1]: "UID",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]: "emailAddress",
    ]
    /// The strings that are texts: UTF8String, PrintableString, IA5String, TeletexString.
    private static let texts: Set<UInt8> = [0x0c, 0x13, 0x16, 0x14]
    /// More parts than any name has.
    private static let maximumParts = 64

    /// The text of a name, the last part first.
    static func text(of name: DERReader.Value) throws(DERReader.Malformed) -> String {
        var parts: [String] = []
        var outer = name.inside
        while !outer.isAtEnd {
            var set = try outer.next(DERTag.set).inside
            var values: [String] = []
            while !set.isAtEnd {
                var pair = try set.next(DERTag.sequence).inside
                let identifier = try pair.next(DERTag.objectIdentifier)
                values.append("\(title(of: identifier))=\(value(of: try pair.next()))")
            }
            parts.append(values.joined(separator: "+"))
            guard parts.count <= maximumParts else {
                throw DERReader.Malformed(description: "a name has too many parts")
            }
        }
        return parts.reversed().joined(separator: ",")
    }

    private static func title(of identifier: DERReader.Value) -> String {
        if let name = names[Array(identifier.content)] { return name }
        var numbers: [UInt64] = []
        var number: UInt64 = 0
        for byte in identifier.content {
            number = number << 7 | UInt64(byte & 0x7f)
            if byte & 0x80 == 0 {
                if numbers.isEmpty {
                    let first = min(number / 40, 2)
                    numbers = [first, number - first * 40]
                } else {
                    numbers.append(number)
                }
                number = 0
            }
        }
        return numbers.map(String.init).joined(separator: ".")
    }

    private static func value(of value: DERReader.Value) -> String {
        guard texts.contains(value.tag), let text = String(validating: value.content, as: UTF8.self) else {
            let digits = Array("0123456789ABCDEF".utf8)
            return "#"
                + String(decoding: value.whole.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        }
        var escaped = ""
        let scalars = Array(text.unicodeScalars)
        for (position, scalar) in scalars.enumerated() {
            let isAtEdge = position == 0 || position == scalars.count - 1
            if ",+\"\\<>;".unicodeScalars.contains(scalar) || (scalar == " " && isAtEdge)
                || (scalar == "#" && position == 0)
            {
                escaped.unicodeScalars.append("\\")
            }
            escaped.unicodeScalars.append(scalar)
        }
        return escaped
    }
}
