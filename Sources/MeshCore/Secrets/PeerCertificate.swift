// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The names of a certificate that a peer showed, and proved to own.
public struct PeerCertificate: Hashable, Sendable {
    /// Its URI names (SAN), as they stand in it; an X.509-SVID has one.
    public var uriNames: [String]
    /// Its DNS names (SAN), as they stand in it.
    public var dnsNames: [String]
    /// Its mail addresses (SAN), as they stand in it.
    public var emailNames: [String]
    /// Its IP addresses (SAN), as text.
    public var addressNames: [String]
    /// Its subject as RFC 2253 writes it; empty if it has none.
    public var subject: String
    /// Its serial number in hexadecimal, lower case; empty if nobody read it.
    public var serialNumber: String
    /// When it expires, in seconds since 1970; `nil` if nobody read it.
    public var expiresAt: Int64?
    /// SHA-256 of all of it in hexadecimal, lower case; empty if nobody read it.
    public var fingerprint: String
    /// Whether it was verified against the roots that are trusted. Default `true`: servers of this library close a
    /// connection whose certificate does not stand the test.
    public var isValidated: Bool

    /// Creates the names of a certificate.
    public init(
        uriNames: [String] = [],
        dnsNames: [String] = [],
        emailNames: [String] = [],
        addressNames: [String] = [],
        subject: String = "",
        serialNumber: String = "",
        expiresAt: Int64? = nil,
        fingerprint: String = "",
        isValidated: Bool = true
    ) {
        self.uriNames = uriNames
        self.dnsNames = dnsNames
        self.emailNames = emailNames
        self.addressNames = addressNames
        self.subject = subject
        self.serialNumber = serialNumber
        self.expiresAt = expiresAt
        self.fingerprint = fingerprint
        self.isValidated = isValidated
    }

    /// Whether one of its names is meant by one of the matchers.
    public func hasName(of matchers: [PeerNameMatcher]) -> Bool {
        matchers.contains { matcher in
            uriNames.contains { matcher.matches($0, of: .uri) } || dnsNames.contains { matcher.matches($0, of: .dns) }
                || emailNames.contains { matcher.matches($0, of: .email) }
                || addressNames.contains { matcher.matches($0, of: .address) }
        }
    }
}
