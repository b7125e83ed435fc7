// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import MeshCore
import MeshIdentity
import MeshSecurity
import MeshXDS
import SwiftASN1
import Testing
import X509

@testable import MeshControlPlane

@Suite struct CertificateAuthorityTests {
    private let folder: TemporaryFolder
    private let authority: CertificateAuthority
    private let reviews: SPIFFEID

    init() throws {
        self.folder = try TemporaryFolder()
        self.authority = try Self.authority(in: folder)
        self.reviews = try SPIFFEID("spiffe://cluster.local/ns/default/sa/reviews")
    }

    private static func authority(
        in folder: TemporaryFolder,
        trustDomain: String = "cluster.local",
        now: Date = Date()
    ) throws -> CertificateAuthority {
        try CertificateAuthority(
            CertificateAuthority.Configuration(
                trustDomain: trustDomain,
                stateDirectory: folder.path + "/state",
                validity: .seconds(3600)
            ),
            tokens: TokenBook(Samples.tokens),
            now: now
        )
    }

    /// A request with whatever names a test wants.
    private func request(
        _ names: [GeneralName],
        key: P256.Signing.PrivateKey = P256.Signing.PrivateKey(),
        isAuthority: Bool = false
    ) throws -> CertificateSigningRequest {
        let extensions = try Certificate.Extensions {
            if isAuthority { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) }
            if !names.isEmpty { SubjectAlternativeNames(names) }
        }
        return try CertificateSigningRequest(
            version: .v1,
            subject: DistinguishedName(),
            privateKey: Certificate.PrivateKey(key),
            attributes: CertificateSigningRequest.Attributes([
                CertificateSigningRequest.Attribute(ExtensionRequest(extensions: extensions))
            ])
        )
    }

    private func refusal(
        _ request: CertificateSigningRequest,
        token: String = Samples.secret
    ) throws -> SigningRefusal? {
        let pem = try request.serializeAsPEM().pemString
        return #expect(throws: SigningRefusal.self) {
            try authority.issue(csrPEM: pem, caller: SigningCaller(bearerToken: token), validity: .zero)
        }
    }

    @Test func `what it signs is an X.509-SVID that its clients take into use`() async throws {
        let identity = WorkloadIdentity(spiffeID: reviews)
        let request = try CertificateRequest(for: reviews)
        let chain = try authority.issue(
            csrPEM: request.pem,
            caller: SigningCaller(bearerToken: Samples.secret),
            validity: .seconds(60)
        )
        try await identity.install(chain, answering: request)
        let expiresAt = try #require(identity.expiresAt)
        #expect((50...61).contains(expiresAt.timeIntervalSinceNow))
        let leaf = try Certificate(pemEncoded: chain[0])
        #expect(try leaf.extensions.basicConstraints == .notCertificateAuthority)
        #expect(try leaf.extensions.keyUsage == KeyUsage(digitalSignature: true))
        #expect(try leaf.extensions.extendedKeyUsage.map(Array.init) == [.serverAuth, .clientAuth])
        #expect(leaf.notValidBefore < Date())
        #expect(chain.count == 3)
        #expect(chain.last == authority.trustAnchor)
    }

    @Test(arguments: [
        (Nanoseconds.zero, 3600.0), (.seconds(5), 5), (.seconds(3601), 3600), (.forever, 3600),
    ])
    func `certificates live as long as asked for, and no longer than they may`(
        asked: Nanoseconds,
        granted: Double
    ) throws {
        let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded())
        let request = try CertificateRequest(for: reviews)
        let chain = try authority.issue(
            csrPEM: request.pem,
            caller: SigningCaller(bearerToken: Samples.secret),
            validity: asked,
            now: now
        )
        #expect(try Certificate(pemEncoded: chain[0]).notValidAfter.timeIntervalSince(now) == granted)
    }

    @Test func `no certificate outlives who signed it`() throws {
        let nearTheEnd = Date(timeIntervalSinceNow: AuthorityKeyPair.intermediateLifetime - 60)
        let request = try CertificateRequest(for: reviews)
        let caller = SigningCaller(bearerToken: Samples.secret)
        let chain = try authority.issue(csrPEM: request.pem, caller: caller, validity: .zero, now: nearTheEnd)
        let issuing = try Certificate(pemEncoded: chain[1])
        #expect(try Certificate(pemEncoded: chain[0]).notValidAfter == issuing.notValidAfter)
        let error = #expect(throws: SigningRefusal.self) {
            let late = nearTheEnd.addingTimeInterval(120)
            return try authority.issue(csrPEM: request.pem, caller: caller, validity: .zero, now: late)
        }
        #expect(error == .unavailable("the authority has expired"))
    }

    @Test func `a restart keeps the root`() throws {
        #expect(try Self.authority(in: folder).trustAnchor == authority.trustAnchor)
        let pem = try String(contentsOfFile: folder.path + "/state/authority.pem", encoding: .utf8)
        #expect(pem.contains("PRIVATE KEY"))
    }

    @Test func `a state that cannot be used is never replaced`() throws {
        #expect(throws: ConfigurationError.self) { try Self.authority(in: folder, trustDomain: "example.org") }
        #expect(throws: ConfigurationError.self) {
            try Self.authority(in: folder, now: Date(timeIntervalSinceNow: 11 * 365 * 86_400))
        }
        let file = PrivateFile(directory: folder.path + "/state", name: "authority.pem")
        let good = try #require(try file.read())
        for text in ["", "garbage", String(good.prefix(300)), good + good] {
            try file.write(text)
            #expect(throws: ConfigurationError.self) { try Self.authority(in: folder) }
            #expect(try file.read() == text)
        }
    }

    @Test func `a token buys the identities of its accounts only`() throws {
        let request = try request([.uniformResourceIdentifier(reviews.description)])
        #expect(try refusal(request, token: "nobody knows this token") == .unauthenticated)
        guard case .forbidden = try refusal(request, token: Samples.otherSecret) else {
            Issue.record("a token of another namespace was accepted")
            return
        }
        let foreign = try self.request([.uniformResourceIdentifier("spiffe://example.org/ns/default/sa/reviews")])
        guard case .forbidden = try refusal(foreign) else {
            Issue.record("an identity of another trust domain was signed")
            return
        }
    }

    @Test func `requests for anything but one SPIFFE name are refused`() throws {
        let name = GeneralName.uniformResourceIdentifier(reviews.description)
        let requests = [
            try request([]),
            try request([name, name]),
            try request([name, .uniformResourceIdentifier("spiffe://cluster.local/ns/default/sa/ratings")]),
            try request([name, .dnsName("reviews.default.svc")]),
            try request([.dnsName("reviews.default.svc")]),
            try request([.uniformResourceIdentifier("https://cluster.local/ns/default/sa/reviews")]),
            try request([name], isAuthority: true),
        ]
        for request in requests {
            guard case .badRequest = try refusal(request) else {
                Issue.record("signed: \(request)")
                continue
            }
        }
    }

    @Test func `a request that its key did not sign is refused`() throws {
        let mine = try request([.uniformResourceIdentifier(reviews.description)])
        let others = try request([.uniformResourceIdentifier(reviews.description)])
        let stolen = try CertificateSigningRequest(
            version: .v1,
            subject: mine.subject,
            publicKey: others.publicKey,
            attributes: mine.attributes,
            signatureAlgorithm: mine.signatureAlgorithm,
            signature: mine.signature
        )
        #expect(try refusal(stolen) == .badRequest("the request is not signed by its own key"))
    }

    @Test func `garbage is refused without a crash`() throws {
        let random = MeshRandom(seed: 5)
        let valid = Array(try CertificateRequest(for: reviews).pem.utf8)
        var texts = ["", "-----BEGIN CERTIFICATE REQUEST-----", String(repeating: "A", count: 70_000)]
        for _ in 0..<2000 {
            var bytes = valid
            for _ in 0...random.below(3) {
                bytes[Int(random.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: 32 + random.below(95))
            }
            texts.append(String(decoding: bytes, as: UTF8.self))
        }
        for text in texts {
            do {
                // A change outside the base-64 text may leave the request as it was.
                _ = try authority.issue(
                    csrPEM: text,
                    caller: SigningCaller(bearerToken: Samples.secret),
                    validity: .zero
                )
            } catch {
                #expect(error is SigningRefusal)
            }
        }
    }
}
