// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides whether a certificate has a name of one kind that matches
/// (`envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher`).
public struct CertificateNameMatcher: Hashable, Sendable {
    /// Which names are looked at.
    public enum Kind: Hashable, Sendable {
        /// The URI names.
        case uri
        /// The DNS names. An exact matcher takes a name of the certificate with a `*` in place of its first label for all
        /// that fit it, as in TLS.
        case dns
    }

    /// Which names are looked at.
    public var kind: Kind
    /// What a name must be.
    public var matcher: StringMatcher

    /// Creates a matcher.
    public init(_ kind: Kind, _ matcher: StringMatcher) {
        self.kind = kind
        self.matcher = matcher
    }

    /// Whether one of the certificate's names matches.
    public func matches(_ certificate: PeerCertificate) -> Bool {
        switch kind {
        case .uri: certificate.uriNames.contains(where: matcher.matches)
        case .dns:
            if case .exact(let expected) = matcher.pattern {
                certificate.dnsNames.contains { Self.covers($0, expected) }
            } else {
                certificate.dnsNames.contains(where: matcher.matches)
            }
        }
    }

    /// Whether a name of a certificate stands for a host (RFC 6125 §6.4.3: a `*` for the whole first label).
    private static func covers(_ name: String, _ host: String) -> Bool {
        if StringMatcher(.exact(name), ignoresCase: true).matches(host) { return true }
        guard name.utf8.starts(with: "*.".utf8), let dot = host.utf8.firstIndex(of: UInt8(ascii: ".")) else {
            return false
        }
        let rest = name[name.utf8.index(after: name.startIndex)...]
        // A name without a second dot (`*.com`) stands for too much.
        guard rest.utf8.dropFirst().contains(UInt8(ascii: ".")), dot != host.startIndex else { return false }
        return StringMatcher(.exact(String(rest)), ignoresCase: true).matches(host[dot...])
    }
}
