// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity
import Testing

@testable import MeshControlPlane

@Suite struct TokenBookTests {
    private let book = TokenBook(Samples.tokens)

    @Test func `a known token gives its claims, anything else nothing`() {
        #expect(book.claims(of: Samples.secret)?.owner == 0)
        #expect(book.claims(of: Samples.otherSecret)?.owner == 1)
        for guess in ["", String(Samples.secret.dropLast()), Samples.secret + "x", Samples.secret.uppercased()] {
            #expect(book.claims(of: guess) == nil)
        }
    }

    @Test(arguments: [
        ("spiffe://cluster.local/ns/other/sa/ratings", true),
        ("spiffe://cluster.local/ns/other/sa/reviews", false),
        ("spiffe://cluster.local/ns/default/sa/ratings", false),
        ("spiffe://example.org/ns/other/sa/ratings", false),
        ("spiffe://cluster.local/ns/other/sa/ratings/more", false),
        ("spiffe://cluster.local", false),
    ])
    func `a token allows the identities of its namespace and accounts only`(name: String, isAllowed: Bool) throws {
        let claims = try #require(book.claims(of: Samples.otherSecret))
        #expect(claims.allows(try SPIFFEID(name), trustDomain: "cluster.local") == isAllowed)
    }

    @Test func `a token without a list of accounts allows all of its namespace`() throws {
        let claims = try #require(book.claims(of: Samples.secret))
        #expect(claims.allows(namespace: "default", serviceAccount: "anything"))
        #expect(!claims.allows(namespace: "other", serviceAccount: "anything"))
    }
}
