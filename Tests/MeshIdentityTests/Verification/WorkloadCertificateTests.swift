// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity
import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

@Suite struct WorkloadCertificateTests {
    private let authority: TestAuthority

    init() throws {
        self.authority = try TestAuthority()
    }

    @Test func `a leaf with one SPIFFE URI names a workload`() throws {
        let identity = try WorkloadCertificate.identity(of: authority.leaf())
        #expect(identity.description == "spiffe://cluster.local/ns/default/sa/reviews")
    }

    @Test func `names of other kinds beside the URI do no harm`() throws {
        let leaf = TestAuthority.Leaf(otherNames: [.dnsName("reviews.default.svc")])
        #expect(try WorkloadCertificate.identity(of: authority.leaf(leaf)).path == "/ns/default/sa/reviews")
    }

    @Test(arguments: [
        TestAuthority.Leaf(uris: []),
        TestAuthority.Leaf(uris: [], otherNames: [.dnsName("spiffe://cluster.local/ns/default/sa/reviews")]),
        TestAuthority.Leaf(uris: ["spiffe://cluster.local/a", "spiffe://cluster.local/b"]),
        TestAuthority.Leaf(uris: ["https://cluster.local/a"]),
        TestAuthority.Leaf(uris: ["spiffe://Cluster.Local/a"]),
        TestAuthority.Leaf(isAuthority: true),
        TestAuthority.Leaf(usage: KeyUsage(digitalSignature: true, keyCertSign: true)),
        TestAuthority.Leaf(usage: KeyUsage(digitalSignature: true, cRLSign: true)),
        TestAuthority.Leaf(usage: KeyUsage(keyEncipherment: true)),
    ])
    func `a certificate that breaks a rule of the standard names nobody`(_ leaf: TestAuthority.Leaf) throws {
        let certificate = try authority.leaf(leaf)
        let error = #expect(throws: IdentityError.self) { try WorkloadCertificate.identity(of: certificate) }
        #expect(error?.code == .notAWorkloadCertificate)
    }
}
