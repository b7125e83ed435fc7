// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A URL with a scheme and an authority: what the `location` of a redirect must be to be followed.
struct AbsoluteURL: Hashable {
    /// `http` or `https`, in lower case.
    let scheme: String
    /// The host and the port, if there is one; names and passwords in front of them are left out.
    let authority: String
    /// The path and the query, without the fragment; `/` where there is neither.
    let path: String

    /// - Returns: `nil` for anything else, and for what has characters in it that a URL may not have.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let known = ["http", "https"].first { text.hasPrefixIgnoringCase($0 + "://") }
        guard let scheme = known else { return nil }
        var rest = text.dropFirst(scheme.utf8.count + 3)
        let end = rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }
        var authority = rest[..<(end ?? rest.endIndex)]
        if let at = authority.utf8.lastIndex(of: UInt8(ascii: "@")) { authority = authority[at...].dropFirst() }
        guard Self.isAuthority(authority) else { return nil }
        rest = rest[(end ?? rest.endIndex)...]
        if let fragment = rest.utf8.firstIndex(of: UInt8(ascii: "#")) { rest = rest[..<fragment] }
        if rest.isEmpty { rest = "/" }
        // A query without a path matches no route of Envoy's.
        guard rest.utf8.first == UInt8(ascii: "/") else { return nil }
        self.scheme = scheme
        self.authority = String(authority)
        self.path = String(rest)
    }

    private static func isAuthority(_ text: Substring) -> Bool {
        var host = text
        if text.utf8.first == UInt8(ascii: "[") {
            guard let close = text.utf8.lastIndex(of: UInt8(ascii: "]")) else { return false }
            let inside = text[..<close].dropFirst()
            guard !inside.isEmpty, inside.utf8.allSatisfy(isIPv6) else { return false }
            host = text[close...].dropFirst()
            return host.isEmpty || (host.utf8.first == UInt8(ascii: ":") && isPort(host.dropFirst()))
        }
        if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            guard isPort(text[colon...].dropFirst()) else { return false }
            host = text[..<colon]
        }
        return !host.isEmpty && host.utf8.allSatisfy(isName)
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } && UInt16(text) != nil
    }

    private static func isIPv6(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: ":"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
