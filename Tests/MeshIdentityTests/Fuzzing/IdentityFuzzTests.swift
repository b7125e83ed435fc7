// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshSecurity
import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

/// Whatever arrives from outside is refused with a reason or is what it says; it never crashes and never takes long.
@Suite(.timeLimit(.minutes(5))) struct IdentityFuzzTests {
    private static let rounds = 3000

    private let authority: TestAuthority
    private let random = MeshRandom(seed: 8)

    init() throws {
        self.authority = try TestAuthority()
    }

    /// A good input with up to four changes: bytes flipped, cut out, doubled or put in.
    private func mutated(_ good: [UInt8]) -> [UInt8] {
        var bytes = good
        for _ in 0...random.below(4) {
            guard !bytes.isEmpty else { return bytes }
            let position = Int(random.below(UInt64(bytes.count)))
            let end = min(bytes.count, position + 1 + Int(random.below(16)))
            switch random.below(5) {
            case 0: bytes[position] ^= UInt8(1 + random.below(255))
            case 1: bytes.removeSubrange(position..<end)
            case 2: bytes.insert(contentsOf: bytes[position..<end], at: position)
            case 3: bytes.insert(UInt8(random.below(256)), at: position)
            default: bytes.removeLast(bytes.count - position)
            }
        }
        return bytes
    }

    /// Feeds mutations of a good input to a decoder.
    /// - Returns: How many were accepted.
    private func feed(_ good: [UInt8], _ decode: ([UInt8]) throws -> Void) throws -> Int {
        try decode(good)
        var accepted = 0
        for _ in 0..<Self.rounds {
            do {
                try decode(mutated(good))
                accepted += 1
            } catch {
                let text = "\(error)"
                #expect(!text.isEmpty && text.utf8.count < 4096)
            }
        }
        return accepted
    }

    @Test func `certificates`() throws {
        let leaf = try authority.leaf()
        let good = try leaf.serializeAsPEM().derBytes
        _ = try feed(good) { bytes in
            let certificate = try Certificate(derEncoded: bytes)
            let identity = try WorkloadCertificate.identity(of: certificate)
            #expect(try SPIFFEID(identity.description) == identity)
            // Nobody but the authority makes one that is different and good.
            let isSigned = authority.certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
            #expect(!isSigned || certificate == leaf)
        }
    }

    @Test func `chains in PEM`() throws {
        let text = try authority.leaf().serializeAsPEM().pemString + "\n" + authority.pem
        _ = try feed(Array(text.utf8)) { bytes in
            let found = try CertificatePEM.certificates(in: String(decoding: bytes, as: UTF8.self))
            #expect((1...CertificatePEM.maximumCount).contains(found.count))
        }
    }

    @Test func `requests`() throws {
        let good = try CertificateRequest(for: SPIFFEID(TestAuthority.reviews)).pem
        _ = try feed(Array(good.utf8)) { bytes in
            let request = try CertificateSigningRequest(pemEncoded: String(decoding: bytes, as: UTF8.self))
            _ = request.publicKey.isValidSignature(request.signature, for: request)
            _ = try request.attributes.extensionRequest?.extensions.subjectAlternativeNames
        }
    }

    @Test func `revocation lists`() throws {
        let list = try authority.revocationList(of: [authority.leaf(), authority.leaf(), authority.leaf()])
        let accepted = try feed(try list.der) { bytes in
            let read = try CertificateRevocationList(der: bytes)
            #expect(!read.isSigned(by: authority.certificate) || read.signedBytes == list.signedBytes)
            #expect(try CertificateRevocationList(der: read.der) == read)
        }
        #expect(accepted < Self.rounds / 2)
    }

    @Test func `bundles`() throws {
        let certificate = Data(try authority.certificate.serializeAsPEM().derBytes).base64EncodedString()
        let json = """
            {"trust_domains":{"cluster.local":{"spiffe_sequence":3,"spiffe_refresh_hint":60,
            "keys":[{"kty":"EC","use":"x509-svid","x5c":["\(certificate)"]}]}}}
            """
        _ = try feed(Array(json.utf8)) { bytes in
            let map = try SPIFFEBundleMap(json: String(decoding: bytes, as: UTF8.self))
            let trust = try map.trust
            #expect(trust.trustDomains.isSubset(of: Set(map.bundles.keys)))
        }
    }

    @Test func `SPIFFE IDs`() throws {
        let good = Array("spiffe://cluster.local/ns/default/sa/reviews".utf8)
        _ = try feed(good) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            let identity = try SPIFFEID(text)
            #expect(identity.description == text)
            #expect(text.utf8.allSatisfy { (0x21...0x7E).contains($0) } && text.utf8.count <= 2048)
            #expect(!text.contains("/../") && !text.hasSuffix("/") && !text.contains("%"))
        }
    }

    @Test func `identities from outside`() async throws {
        let material = try authority.material()
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(TestAuthority.reviews))
        try await identity.install(material)
        let (chain, key) = (
            Array(material.certificate.chain.utf8), Array(material.certificate.privateKey.revealed.utf8)
        )
        for round in 0..<300 {
            var changed = material
            if round % 2 == 0 {
                changed.certificate.chain = String(decoding: mutated(chain), as: UTF8.self)
            } else {
                changed.certificate.privateKey = SecretText(String(decoding: mutated(key), as: UTF8.self))
            }
            // One that is taken says the same in another way, such as with other line breaks.
            try? await identity.install(changed)
            #expect(try identity.current().expiresAt == identity.expiresAt)
            _ = try identity.makeClientHandler(acceptedIdentities: [])
        }
    }
}
