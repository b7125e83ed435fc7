// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

@Suite struct TrustBundleTests {
    @Test func `roots are found under their own domain only`() throws {
        let first = try TestAuthority(trustDomain: "a.example")
        let second = try TestAuthority(trustDomain: "b.example")
        let bundle = try TrustBundle(pemByTrustDomain: [
            "a.example": [first.pem],
            "b.example": [second.pem],
        ])
        #expect(bundle.trustDomains == ["a.example", "b.example"])
        #expect(bundle.roots(of: "a.example") == [first.certificate])
        #expect(bundle.roots(of: "c.example").isEmpty)
    }

    @Test func `a root that names another domain is refused`() throws {
        let pem = try TestAuthority(trustDomain: "a.example").pem
        let error = #expect(throws: IdentityError.self) {
            try TrustBundle(pemByTrustDomain: ["b.example": [pem]])
        }
        #expect(error?.code == .mismatch)
    }

    @Test func `a leaf is no root`() throws {
        let pem = try TestAuthority().leaf().serializeAsPEM().pemString
        #expect(throws: IdentityError.self) { try TrustBundle(pemByTrustDomain: ["cluster.local": [pem]]) }
    }

    @Test(arguments: ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
    func `what is no certificate is refused`(_ text: String) {
        let error = #expect(throws: IdentityError.self) {
            try TrustBundle(pemByTrustDomain: ["cluster.local": [text]])
        }
        #expect(error?.code == .malformedCertificate)
    }
}
