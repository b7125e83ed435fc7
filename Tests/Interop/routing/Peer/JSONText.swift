// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// JSON while it is written.
struct JSONText {
    private(set) var text = ""
    private var needsComma = false

    mutating func object(_ members: (inout JSONText) -> Void) { nest("{", members, "}") }

    mutating func list(_ elements: (inout JSONText) -> Void) { nest("[", elements, "]") }

    mutating func key(_ name: String) {
        string(name)
        text += ":"
        needsComma = false
    }

    mutating func number(_ value: Int) {
        separate()
        text += String(value)
        needsComma = true
    }

    mutating func string(_ value: String?) {
        separate()
        needsComma = true
        guard let value else {
            text += "null"
            return
        }
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\u{0}"..."\u{1F}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    private mutating func nest(_ opening: String, _ body: (inout JSONText) -> Void, _ closing: String) {
        separate()
        text += opening
        needsComma = false
        body(&self)
        text += closing
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text += "," }
    }
}
