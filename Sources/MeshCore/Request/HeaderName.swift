// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The name of a header field, lower-cased once when a table is compiled and never while a request is matched.
public struct HeaderName: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The name in lower case, as HTTP/2 sends it.
    public let lowercased: String

    /// Creates a name; ASCII letters are lower-cased.
    public init(_ name: String) {
        self.lowercased = name.asciiLowercased
    }

    /// Creates a name from a literal.
    public init(stringLiteral value: String) {
        self.init(value)
    }

    /// The name in lower case.
    public var description: String { lowercased }

    /// Whether the name may stand on the wire: a non-empty RFC 9110 `token`, or one of the pseudo names HTTP/2 defines.
    public var isValid: Bool {
        var bytes = lowercased.utf8[...]
        if bytes.first == UInt8(ascii: ":") { bytes = bytes.dropFirst() }
        guard !bytes.isEmpty else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
                UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
                true
            default: false
            }
        }
    }
}
