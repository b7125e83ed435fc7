// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import MeshTesting
import Testing

@Suite struct PrincipalTests {
    private static let uri = "spiffe://td/ns/a/sa/b"

    private static func exact(_ text: String) -> StringMatcher { StringMatcher(.exact(text)) }

    private static func peer(_ certificate: PeerCertificate?, isSecured: Bool = true) -> AuthorizationPeer {
        AuthorizationPeer(certificate: certificate, isSecured: isSecured)
    }

    private static let whole = PeerCertificate(uriNames: [uri], dnsNames: ["a.test", "*.b.test"], subject: "CN=a")

    /// Envoy's order: URI names, DNS names, the subject; TLS without a certificate has an empty subject.
    static let authenticated: [(StringMatcher?, AuthorizationPeer, Bool)] = [
        (exact(uri), peer(whole), true), (exact("a.test"), peer(whole), true), (exact("CN=a"), peer(whole), true),
        (exact("c.test"), peer(whole), false), (nil, peer(whole), true), (nil, peer(nil), true),
        (exact(""), peer(nil), true), (exact(uri), peer(nil), false),
        (nil, peer(nil, isSecured: false), false), (exact(""), peer(nil, isSecured: false), false),
        (exact(uri), peer(whole, isSecured: false), false),
    ]

    @Test(arguments: authenticated)
    func `authenticated asks all names of the certificate`(
        matcher: StringMatcher?,
        peer: AuthorizationPeer,
        expected: Bool
    ) {
        #expect(Principal.authenticated(matcher).matches(InMemoryRequest(), peer: peer) == expected)
    }

    @Test func `an identity is a URI name and nothing else`() {
        let spoofed = PeerCertificate(dnsNames: [Self.uri], subject: Self.uri)
        let principal = Principal.identity(Self.exact(Self.uri))
        #expect(principal.matches(InMemoryRequest(), peer: Self.peer(Self.whole)))
        #expect(!principal.matches(InMemoryRequest(), peer: Self.peer(spoofed)))
        #expect(!principal.matches(InMemoryRequest(), peer: Self.peer(nil)))
    }

    static let names: [(String, Bool)] = [
        ("a.test", true), ("A.test", true), ("x.b.test", true), ("x.y.b.test", false), ("b.test", false),
        (".b.test", false), ("a", false), ("", false),
    ]

    @Test(arguments: names)
    func `a DNS name of a certificate covers hosts as in TLS`(host: String, expected: Bool) {
        let principal = Principal.certificate(CertificateNameMatcher(.dns, Self.exact(host)))
        #expect(principal.matches(InMemoryRequest(), peer: Self.peer(Self.whole)) == expected)
    }

    @Test func `a certificate counts when it was verified`() {
        var certificate = Self.whole
        certificate.isValidated = false
        #expect(Principal.certificate(nil).matches(InMemoryRequest(), peer: Self.peer(Self.whole)))
        #expect(!Principal.certificate(nil).matches(InMemoryRequest(), peer: Self.peer(certificate)))
        #expect(!Principal.certificate(nil).matches(InMemoryRequest(), peer: Self.peer(nil)))
    }

    @Test func `addresses are those of the connection, or of the client that proxies tell of`() throws {
        let range = AddressRange(try #require(IPAddress("10.0.0.0")), length: 8)
        var peer = AuthorizationPeer(certificate: nil, source: IPAddress("10.1.2.3"))
        #expect(Principal.directRemote(range).matches(InMemoryRequest(), peer: peer))
        #expect(Principal.source(range).matches(InMemoryRequest(), peer: peer))
        #expect(Principal.remote(range).matches(InMemoryRequest(), peer: peer))
        peer.remote = IPAddress("192.168.0.1")
        #expect(!Principal.remote(range).matches(InMemoryRequest(), peer: peer))
        #expect(Principal.directRemote(range).matches(InMemoryRequest(), peer: peer))
        peer.source = nil
        #expect(!Principal.directRemote(range).matches(InMemoryRequest(), peer: peer))
    }

    @Test func `claims are matched where filters note them`() {
        let claim = MetadataMatcher(filter: "jwt", path: ["payload", "iss"], .text(Self.exact("me")))
        var peer = AuthorizationPeer(identity: nil)
        #expect(!Principal.metadata(claim).matches(InMemoryRequest(), peer: peer))
        peer.metadata = ["jwt": .fields(["payload": .fields(["iss": "me"])])]
        #expect(Principal.metadata(claim).matches(InMemoryRequest(), peer: peer))
        #expect(Permission.metadata(claim).matches(InMemoryRequest(), peer: peer))
    }

    static let forwarded: [(String?, ForwardedFor, String)] = [
        ("10.0.0.1", .connection, "127.0.0.1"), (nil, .lastAddress, "127.0.0.1"),
        ("10.0.0.1", .lastAddress, "10.0.0.1"),
        ("10.0.0.1, 10.0.0.2", .lastAddress, "10.0.0.2"), (" 10.0.0.1 ,\t10.0.0.2 ", .lastAddress, "10.0.0.2"),
        ("nonsense", .lastAddress, "127.0.0.1"), ("10.0.0.1,", .lastAddress, "127.0.0.1"),
        ("10.0.0.1, 10.0.0.2", .init(usesConnection: false, trustedHops: 1), "10.0.0.1"),
        ("10.0.0.1", .init(usesConnection: false, trustedHops: 1), "127.0.0.1"),
        ("10.0.0.1", .init(usesConnection: true, trustedHops: 1), "10.0.0.1"),
        ("10.0.0.1, 10.0.0.2", .init(usesConnection: true, trustedHops: 2), "10.0.0.1"),
        ("10.0.0.1", .init(usesConnection: true, trustedHops: 2), "127.0.0.1"),
        ("::1", .lastAddress, "::1"), ("", .lastAddress, "127.0.0.1"),
        ("10.0.0.1", .init(usesConnection: false, trustedHops: .max), "127.0.0.1"),
    ]

    @Test(arguments: forwarded)
    func `the client is who the trusted proxies say`(header: String?, rule: ForwardedFor, expected: String) {
        var request = InMemoryRequest()
        if let header { request.setValue(header, for: "x-forwarded-for") }
        #expect(rule.client(of: request, connection: IPAddress("127.0.0.1")) == IPAddress(expected))
    }
}
