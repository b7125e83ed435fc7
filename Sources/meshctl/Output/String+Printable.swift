// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension StringProtocol {
    /// What a peer wrote, without what would move the terminal's cursor.
    var printable: String {
        var text = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
