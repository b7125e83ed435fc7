// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The names of a certificate that a peer showed, and proved to own.
public struct PeerCertificate: Hashable, Sendable {
    /// Its URI names (SAN), as they stand in it; an X.509-SVID has one.
    public var uriNames: [String]
    /// Its DNS names (SAN), as they stand in it.
    public var dnsNames: [String]
    /// Its subject as RFC 2253 writes it; empty if it has none.
    public var subject: String
    /// Whether it was verified against the roots that are trusted. Default `true`: servers of this library close a
    /// connection whose certificate does not stand the test.
    public var isValidated: Bool

    /// Creates the names of a certificate.
    public init(
        uriNames: [String] = [],
        dnsNames: [String] = [],
        subject: String = "",
        isValidated: Bool = true
    ) {
        self.uriNames = uriNames
        self.dnsNames = dnsNames
        self.subject = subject
        self.isValidated = isValidated
    }
}
