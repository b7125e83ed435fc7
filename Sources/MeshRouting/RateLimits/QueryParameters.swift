// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The query of a path, looked at name by name, with `%` escapes undone.
struct QueryParameters {
    private let query: Substring

    init(ofPath path: String) {
        // Behind the fragment's sign everything belongs to it.
        let whole = path[..<(path.utf8.firstIndex(of: UInt8(ascii: "#")) ?? path.endIndex)]
        guard let start = whole.utf8.firstIndex(of: UInt8(ascii: "?")) else {
            self.query = ""
            return
        }
        self.query = whole[whole.utf8.index(after: start)...]
    }

    /// The first value of a name; empty for one that stands without `=`.
    func firstValue(of name: String) -> String? {
        for parameter in query.utf8.split(separator: UInt8(ascii: "&")) {
            let end = parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.endIndex
            guard Self.decoded(parameter[..<end]) == name else { continue }
            return end == parameter.endIndex ? "" : Self.decoded(parameter[parameter.index(after: end)...])
        }
        return nil
    }

    /// Whether all conditions hold.
    func match(_ matchers: [QueryParameterMatcher]) -> Bool {
        matchers.allSatisfy { matcher in
            let value = firstValue(of: matcher.name)
            return switch matcher.condition {
            case .present(let isExpected): (value != nil) == isExpected
            case .value(let condition): value.map { condition.matches($0) } ?? false
            }
        }
    }

    /// Undoes the escapes; what is none stays as it is.
    private static func decoded(_ text: Substring.UTF8View) -> String {
        guard text.contains(UInt8(ascii: "%")) else { return String(Substring(text)) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var position = text.startIndex
        while position < text.endIndex {
            let byte = text[position]
            position = text.index(after: position)
            let digits = text[position...].prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let number = number(digits) {
                bytes.append(number)
                position = digits.endIndex
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func number(_ digits: Substring.UTF8View) -> UInt8? {
        var number: UInt8 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | (digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | (digit - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): number = number << 4 | (digit - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return number
    }
}
