// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The text of a JSON object (RFC 8259), one member after the other; enough for a stream of figures.
struct JSONText {
    private var members = ""

    var text: String { "{\(members)}" }

    mutating func add(_ name: String, _ value: String) { append(name, Self.quoted(value)) }
    mutating func add(_ name: String, _ value: some BinaryInteger) { append(name, "\(value)") }
    mutating func add(_ name: String, _ value: Bool) { append(name, value ? "true" : "false") }
    mutating func add(_ name: String, _ value: JSONText) { append(name, value.text) }

    private mutating func append(_ name: String, _ value: String) {
        if !members.isEmpty { members += "," }
        members += "\(Self.quoted(name)):\(value)"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
