// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension UInt8 {
    /// The byte with ASCII's upper-case letters turned to lower case.
    var asciiLowercased: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}

extension String {
    /// The text with ASCII's upper-case letters turned to lower case, and nothing else.
    ///
    /// `lowercased()` follows Unicode: it turns the Kelvin sign into `k`, and so lets two names meet that differ on the
    /// wire.
    var asciiLowercased: String {
        // Most names are written so already; they are not copied.
        guard utf8.contains(where: { $0 != $0.asciiLowercased }) else { return self }
        return String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self)
    }
}
