// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Who does it (`envoy.config.rbac.v3.Principal`).
public indirect enum Principal: Hashable, Sendable {
    /// Anybody, with or without an identity.
    case any
    /// All of them match.
    case all([Principal])
    /// One of them matches.
    case anyOf([Principal])
    /// It does not match.
    case not(Principal)
    /// The connection speaks TLS; with a matcher, one of the names of the peer's certificate is one that it accepts: a URI
    /// name, a DNS name, or the subject, which counts as empty where the peer showed no certificate.
    ///
    /// Without a matcher that is TLS and no more, as in Envoy: on a server that asks for no certificates anybody
    /// matches. `certificate(nil)` asks for a certificate.
    case authenticated(StringMatcher?)
    /// A URI name of the peer's certificate (Istio's `io.istio.peer_principal`).
    case identity(StringMatcher)
    /// The peer showed a certificate that was verified; with a matcher, one that has such a name
    /// (`envoy.rbac.principals.mtls_authenticated`).
    case certificate(CertificateNameMatcher?)
    /// The address at the other end of the connection, under the old name (`source_ip`).
    case source(AddressRange)
    /// The address at the other end of the connection (`direct_remote_ip`).
    case directRemote(AddressRange)
    /// The address of the client, which trusted proxies may have told (`remote_ip`).
    case remote(AddressRange)
    /// A header of the request.
    case header(HeaderMatcher)
    /// The path without its query.
    case path(StringMatcher)
    /// What filters noted about the request: the claims of a token, say.
    case metadata(MetadataMatcher)

    /// Whether the peer is it.
    /// - Complexity: O(size of the principal). No allocation for heads that answer without one.
    public func matches(_ request: some RequestHead, peer: AuthorizationPeer) -> Bool {
        matches(request, path: request.pathWithoutQuery, peer: peer)
    }

    /// - Parameter path: The request's path without its query.
    func matches(_ request: some RequestHead, path: Substring, peer: AuthorizationPeer) -> Bool {
        switch self {
        case .any: true
        case .all(let parts): parts.allSatisfy { $0.matches(request, path: path, peer: peer) }
        case .anyOf(let parts): parts.contains { $0.matches(request, path: path, peer: peer) }
        case .not(let part): !part.matches(request, path: path, peer: peer)
        case .authenticated(let matcher): peer.isAuthenticated(matcher)
        case .identity(let matcher): peer.certificate?.uriNames.contains(where: matcher.matches) ?? false
        case .certificate(let matcher): peer.hasCertificate(matcher)
        case .source(let range), .directRemote(let range): peer.source.map(range.contains) ?? false
        case .remote(let range): peer.remote.map(range.contains) ?? false
        case .header(let matcher): matcher.matches(request)
        case .path(let matcher): matcher.matches(path)
        case .metadata(let matcher): matcher.matches(peer.metadata)
        }
    }
}

extension AuthorizationPeer {
    fileprivate func isAuthenticated(_ matcher: StringMatcher?) -> Bool {
        guard isSecured else { return false }
        guard let matcher else { return true }
        guard let certificate else { return matcher.matches("") }
        return certificate.uriNames.contains(where: matcher.matches)
            || certificate.dnsNames.contains(where: matcher.matches) || matcher.matches(certificate.subject)
    }

    fileprivate func hasCertificate(_ matcher: CertificateNameMatcher?) -> Bool {
        guard let certificate, certificate.isValidated else { return false }
        return matcher?.matches(certificate) ?? true
    }
}
