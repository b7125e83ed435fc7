// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity
import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

@Suite struct CertificateRequestTests {
    @Test func `a request names exactly the identity, critically, and proves the possession of its key`() throws {
        let identity = try SPIFFEID("spiffe://cluster.local/ns/default/sa/reviews")
        let request = try CertificateRequest(for: identity)
        let csr = try CertificateSigningRequest(pemEncoded: request.pem)
        #expect(csr.publicKey.isValidSignature(csr.signature, for: csr))
        #expect(csr.publicKey == request.key.publicKey)
        let extensions = try #require(try csr.attributes.extensionRequest).extensions
        let names = try #require(try extensions.subjectAlternativeNames)
        #expect(Array(names) == [.uniformResourceIdentifier(identity.description)])
        #expect(extensions[oid: .X509ExtensionID.subjectAlternativeName]?.critical == true)
    }

    @Test func `each request has a key of its own`() throws {
        let identity = try SPIFFEID("spiffe://cluster.local/ns/default/sa/reviews")
        let first = try CertificateRequest(for: identity)
        let second = try CertificateRequest(for: identity)
        #expect(first.key.publicKey != second.key.publicKey)
    }

    @Test func `the private key shows in no text, dump or reflection`() throws {
        let request = try CertificateRequest(for: SPIFFEID("spiffe://cluster.local/ns/default/sa/reviews"))
        var dumped = ""
        dump(request, to: &dumped)
        #expect(!dumped.contains("P256"))
        #expect(!dumped.lowercased().contains("privatekey"))
        #expect(!request.pem.contains("PRIVATE KEY"))
        #expect(Mirror(reflecting: request.key).children.isEmpty)
    }
}
