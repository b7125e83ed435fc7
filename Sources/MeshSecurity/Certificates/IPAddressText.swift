// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// IP addresses in the text form that inet_ntop gives them, in which configurations compare them.
enum IPAddressText {
    /// The text of 4 or 16 bytes; `nil` for any other number of them.
    static func text(of bytes: [UInt8]) -> String? {
        switch bytes.count {
        case 4: bytes.map(String.init).joined(separator: ".")
        case 16: text(ofGroups: stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) })
        default: nil
        }
    }

    /// RFC 5952: the first of the longest runs of zeros, of two groups at least, is left out.
    private static func text(ofGroups groups: [UInt16]) -> String {
        var longest = 0..<0
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start > longest.count { longest = start..<end }
            start = max(end, start + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard longest.count > 1 else { return text(groups[...]) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }
}
