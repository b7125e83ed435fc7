// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Testing

@testable import MeshSecurity

@Suite(.timeLimit(.minutes(5))) struct ParsedCertificateTests {
    @Test func `all names are read, as others read them`() throws {
        let certificate = try ParsedCertificate(der: CertificateFixture.leaf)
        #expect(certificate.uris == ["spiffe://cluster.local/ns/default/sa/reviews", "https://a/b"])
        #expect(certificate.dnsNames == ["*.reviews.example"])
        #expect(certificate.emails == ["a@b.example"])
        #expect(certificate.addresses == ["10.0.0.1", "2001:db8::1:0:0:1"])
        // What `openssl x509 -nameopt RFC2253` prints.
        #expect(certificate.subject == #"CN=\ leaf#,O=Ex\+ample"#)
        #expect(certificate.issuer == #"CN=root,O=Example\, Inc.,C=DE"#)
        #expect(certificate.serialNumber == "0abc0123456789")
        #expect(certificate.fingerprint == CertificateFixture.fingerprint)
        // 2020-01-02 03:04:05 and 2060-12-31 23:59:59 in UTC: one of each way in which certificates write times.
        #expect(certificate.validFrom == 1_577_934_245)
        #expect(certificate.validUntil == 2_871_763_199)
        #expect(!certificate.isAuthority)
    }

    @Test func `a name is meant by its kind and its text`() throws {
        let peer = try ParsedCertificate(der: CertificateFixture.leaf).peer
        let meant: [(PeerNameMatcher.Kind?, StringMatcher.Pattern)] = [
            (.uri, .exact("https://a/b")), (.uri, .prefix("spiffe://cluster.local/")), (.uri, .suffix("/sa/reviews")),
            (.dns, .exact("v1.reviews.example")), (.dns, .contains("reviews")), (.email, .exact("a@b.example")),
            (.address, .exact("10.0.0.1")), (nil, .exact("V1.Reviews.Example")),
        ]
        for (kind, pattern) in meant {
            #expect(peer.hasName(of: [PeerNameMatcher(kind, StringMatcher(pattern))]), "\(pattern)")
        }
        let others: [(PeerNameMatcher.Kind?, StringMatcher.Pattern)] = [
            (.uri, .exact("https://a/")), (.uri, .exact("a@b.example")), (.dns, .exact("a.v1.reviews.example")),
            (.dns, .exact("reviews.example")), (.email, .exact("10.0.0.1")), (.address, .prefix("11.")),
        ]
        for (kind, pattern) in others {
            #expect(!peer.hasName(of: [PeerNameMatcher(kind, StringMatcher(pattern))]), "\(pattern)")
        }
        #expect(!peer.hasName(of: []))
    }

    @Test func `whatever comes is read within its bytes, or is an error`() throws {
        let leaf = try CertificateFixture.leaf
        for length in leaf.indices {
            #expect(throws: ParsedCertificate.Malformed.self) { try ParsedCertificate(der: Array(leaf.prefix(length))) }
        }
        #expect(throws: ParsedCertificate.Malformed.self) { try ParsedCertificate(der: leaf + [0]) }
        #expect(throws: ParsedCertificate.Malformed.self) {
            try ParsedCertificate(der: Array(repeating: 0x30, count: 1 << 20))
        }
        // What is read of a certificate that somebody changed does not matter; that it ends does.
        let random = MeshRandom(seed: 8)
        for _ in 0..<20_000 {
            var bytes = leaf
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if let parsed = try? ParsedCertificate(der: bytes) {
                #expect(parsed.uris.count <= ParsedCertificate.maximumNames)
            }
        }
    }

    @Test func `revocation lists say who is on them, and whether they may be believed`() throws {
        let certificate = try ParsedCertificate(der: CertificateFixture.leaf)
        let now = certificate.validFrom + 1000
        #expect(try IssuerRevocations(pem: CertificateFixture.revoked).verdict(on: certificate, at: now) == .revoked)
        let empty = try IssuerRevocations(pem: CertificateFixture.empty)
        #expect(empty.verdict(on: certificate, at: now) == .good)
        // Before it was made, and after it is over.
        #expect(empty.verdict(on: certificate, at: certificate.validFrom - 1) == .unknown)
        #expect(empty.verdict(on: certificate, at: 2_900_000_000) == .unknown)
        // What was revoked once stays so.
        let old = try IssuerRevocations(pem: CertificateFixture.revoked)
        #expect(old.verdict(on: certificate, at: 2_900_000_000) == .revoked)
        for text in ["", "x", CertificateFixture.partial, CertificateFixture.empty.replacing("MIHN", with: "MIHO")] {
            #expect(throws: ParsedCertificate.Malformed.self) { try IssuerRevocations(pem: text) }
        }
    }
}
