// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Tells addresses from names. The pure targets have no C library to ask.
enum IPAddress {
    /// Whether a text is an IPv4 or IPv6 address.
    static func isValid(_ text: String) -> Bool {
        text.utf8.contains(UInt8(ascii: ":")) ? isVersion6(text) : isVersion4(text)
    }

    private static func isVersion4(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                    && (part.utf8.count == 1 || part.utf8.first != UInt8(ascii: "0")) && UInt8(part) != nil
            }
    }

    /// RFC 4291 §2.2: eight groups, one run of which `::` may replace, the last two perhaps as IPv4.
    private static func isVersion6(_ text: String) -> Bool {
        var groups = text.split(separator: ":", omittingEmptySubsequences: false)
        var missing = 8
        if let last = groups.last, last.utf8.contains(UInt8(ascii: ".")) {
            guard isVersion4(last) else { return false }
            groups.removeLast()
            missing = 6
        }
        // `::` at an end leaves two empty groups there, and a single colon at an end, which is wrong, leaves one.
        if groups.first?.isEmpty == true {
            guard groups.count > 1, groups[1].isEmpty else { return false }
            groups.removeFirst()
        }
        if missing == 8, groups.last?.isEmpty == true, groups.count > 1 {
            guard groups[groups.count - 2].isEmpty else { return false }
            groups.removeLast()
        }
        let gaps = groups.count { $0.isEmpty }
        let isHexadecimal = groups.allSatisfy { $0.utf8.count <= 4 && $0.utf8.allSatisfy(isHexadecimalDigit) }
        return isHexadecimal && (gaps == 0 ? groups.count == missing : gaps == 1 && groups.count <= missing)
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
