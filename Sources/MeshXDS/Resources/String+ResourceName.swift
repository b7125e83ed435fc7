// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension String {
    /// The name that means the same resource and is written in one way only. Names of the old style, and what is no name
    /// at all, are what they are.
    var canonicalResourceName: String {
        // Nothing but context parameters can be written in several ways.
        guard XDSResourceName.isNewStyle(self), utf8.contains(UInt8(ascii: "?")) else { return self }
        guard let name = try? XDSResourceName(self) else { return self }
        return name.description
    }

    /// The authority of a name of the new style, well-formed or not; `nil` of one that has none.
    var resourceAuthority: Substring? {
        guard XDSResourceName.isNewStyle(self) else { return nil }
        let rest = utf8.dropFirst(XDSResourceName.scheme.utf8.count)
        guard rest.starts(with: "//".utf8) else { return nil }
        return Substring(rest.dropFirst(2).prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
    }

    /// The text with everything percent-encoded that may not stand in a path (RFC 3986 §3.3), which slashes may.
    var percentEncodedPath: String { percentEncoded { $0.isPathCharacter || $0 == UInt8(ascii: "/") } }

    /// The text with everything percent-encoded that may not stand in a query, or divides its parts there.
    var percentEncodedQueryPart: String {
        percentEncoded { $0.isPathCharacter && $0 != UInt8(ascii: "&") && $0 != UInt8(ascii: "=") }
    }

    /// Whether two hexadecimal digits follow each `%`.
    var hasValidPercentEncoding: Bool {
        let bytes = Array(utf8)
        return bytes.indices.allSatisfy { position in
            guard bytes[position] == UInt8(ascii: "%") else { return true }
            return position + 2 < bytes.count && bytes[position + 1].isHexDigit && bytes[position + 2].isHexDigit
        }
    }

    private func percentEncoded(_ mayStand: (UInt8) -> Bool) -> String {
        guard !utf8.allSatisfy(mayStand) else { return self }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count * 2)
        for byte in utf8 {
            if mayStand(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    /// RFC 3986's `pchar`, but for the `%` of what is encoded already.
    fileprivate var isPathCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: Self.others.contains(self)
        }
    }

    private static let others = Set("-._~!$&'()*+,;=:@".utf8)

    fileprivate var isHexDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        case UInt8(ascii: "A")...UInt8(ascii: "F"): true
        default: false
        }
    }
}
