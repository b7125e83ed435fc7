// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The query of a path, for tokens that stand in it.
enum QueryText {
    /// The first value of a name, with `%` escapes undone; empty for one that stands without `=`.
    static func firstValue(of name: String, in path: String) -> String? {
        guard let query = bounds(of: path) else { return nil }
        for parameter in path.utf8[query].split(separator: UInt8(ascii: "&")) where self.name(of: parameter) == name {
            guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")) else { return "" }
            return decoded(parameter[parameter.index(after: equals)...])
        }
        return nil
    }

    /// A path without the parameters of a name. What else is in it stays as it was written.
    static func removing(_ name: String, from path: String) -> String {
        guard let query = bounds(of: path) else { return path }
        let kept = path.utf8[query].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false).filter {
            self.name(of: $0) != name
        }
        let before = path[..<path.utf8.index(before: query.lowerBound)]
        let rest = kept.map { String(Substring($0)) }.joined(separator: "&")
        return before + (rest.isEmpty ? "" : "?" + rest) + path[query.upperBound...]
    }

    /// A path with one parameter of a name, in place of those that are there. What has a meaning in a query is escaped.
    static func setting(_ name: String, to value: String, in path: String) -> String {
        let kept = removing(name, from: path)
        let end = kept.utf8.firstIndex(of: UInt8(ascii: "#")) ?? kept.endIndex
        let sign = kept[..<end].utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return kept[..<end] + "\(sign)\(escaped(name))=\(escaped(value))" + kept[end...]
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }

    /// Where the query stands, without its question mark.
    private static func bounds(of path: String) -> Range<String.Index>? {
        let end = path.utf8.firstIndex(of: UInt8(ascii: "#")) ?? path.endIndex
        guard let mark = path.utf8[..<end].firstIndex(of: UInt8(ascii: "?")) else { return nil }
        return path.utf8.index(after: mark)..<end
    }

    private static func name(of parameter: Substring.UTF8View) -> String {
        decoded(parameter[..<(parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.endIndex)])
    }

    private static func decoded(_ text: Substring.UTF8View) -> String {
        guard text.contains(UInt8(ascii: "%")) else { return String(Substring(text)) }
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2,
                let number = UInt8(String(Substring(digits)), radix: 16), digits.first != UInt8(ascii: "+")
            {
                bytes.append(number)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
