// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A name that a peer's certificate may have (`envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher`).
public struct PeerNameMatcher: Hashable, Sendable {
    /// The kinds of subject alternative names (RFC 5280 §4.2.1.6).
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A URI, as SPIFFE IDs are.
        case uri
        /// A DNS name.
        case dns
        /// A mail address.
        case email
        /// An IP address, in the text form of inet_ntop.
        case address
    }

    /// The kind of the names that are looked at; `nil` for all of them, as Envoy's older field has it.
    public var kind: Kind?
    /// What the name is compared with.
    ///
    /// Exact DNS names are compared as hosts are: without regard to case, and the certificate may have a `*` in its first
    /// label (RFC 6125 §6.4.3).
    public var matcher: StringMatcher

    /// Creates a matcher.
    public init(_ kind: Kind?, _ matcher: StringMatcher) {
        self.kind = kind
        self.matcher = matcher
    }

    /// Whether a certificate's name is meant.
    public func matches(_ name: String, of kind: Kind) -> Bool {
        guard self.kind == nil || self.kind == kind else { return false }
        if kind == .dns, case .exact(let host) = matcher.pattern { return Self.isHost(host, namedBy: name) }
        return matcher.matches(name)
    }

    /// Whether a DNS name of a certificate, which may begin with a label that has one `*`, is a host's.
    static func isHost(_ host: String, namedBy name: String) -> Bool {
        let host = Array(host.utf8.map(\.asciiLowercased))
        let name = Array(name.utf8.map(\.asciiLowercased))
        if host == name { return !host.isEmpty }
        let dot = UInt8(ascii: ".")
        let star = UInt8(ascii: "*")
        guard let hostDot = host.firstIndex(of: dot), let nameDot = name.firstIndex(of: dot),
            host[hostDot...] == name[nameDot...], !name[nameDot...].contains(star)
        else { return false }
        let (label, pattern) = (host[..<hostDot], name[..<nameDot])
        guard let position = pattern.firstIndex(of: star), pattern.lastIndex(of: star) == position,
            // A label in Punycode (RFC 5890 §2.3.2.5) is no text that a part of could be left open.
            !pattern.starts(with: "xn--".utf8)
        else { return false }
        let (head, tail) = (pattern[..<position], pattern[(position + 1)...])
        guard !label.isEmpty, label.count >= head.count + tail.count else { return false }
        return label.starts(with: head) && label.suffix(tail.count).elementsEqual(tail)
    }
}
