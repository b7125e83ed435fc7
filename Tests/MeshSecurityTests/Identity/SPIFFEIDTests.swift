// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import Testing

@Suite struct SPIFFEIDTests {
    static let good: [(String, String, String)] = [
        ("spiffe://cluster.local/ns/default/sa/reviews", "cluster.local", "/ns/default/sa/reviews"),
        ("spiffe://td", "td", ""),
        ("spiffe://a-b_c.1/x", "a-b_c.1", "/x"),
        ("spiffe://td/A-Z_0.9/...", "td", "/A-Z_0.9/..."),
        ("spiffe://" + String(repeating: "a", count: 255), String(repeating: "a", count: 255), ""),
    ]

    @Test(arguments: good)
    func `an identity of the standard is taken apart and put together again`(
        text: String,
        trustDomain: String,
        path: String
    ) throws {
        let identity = try SPIFFEID(text)
        #expect(identity.trustDomain == trustDomain && identity.path == path)
        #expect(identity.description == text)
    }

    @Test(arguments: [
        "", "spiffe", "spiffe:/td", "http://td/x", "SPIFFE://td/x", "spiffe://", "spiffe:///x", "spiffe://td/",
        "spiffe://td//x",
        "spiffe://td/x/", "spiffe://td/./x", "spiffe://td/../x", "spiffe://td/x/..", "spiffe://td/%41",
        "spiffe://td/x?q",
        "spiffe://td/x#f", "spiffe://user@td/x", "spiffe://td:443/x", "spiffe://TD/x", "spiffe://t d/x",
        "spiffe://td/x y",
        "spiffe://td/é", "spiffe://té/x", "spiffe://td\u{0}/x", " spiffe://td/x", "spiffe://td/x\n", "spiffe://td/x\\y",
        "spiffe://\u{301}td/x", "spiffe://td/\u{301}x", "spiffe://td\u{301}/x", "spiffe:\u{301}//td/x",
        "spiffe://" + String(repeating: "a", count: 256),
        "spiffe://td/" + String(repeating: "a", count: 2048),
    ])
    func `what breaks the standard is refused`(text: String) {
        #expect(throws: ConfigurationError.self) { try SPIFFEID(text) }
    }

    @Test func `a service account has Istio's form`() throws {
        let identity = try SPIFFEID(trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews")
        #expect(identity.description == "spiffe://cluster.local/ns/default/sa/reviews")
        #expect(identity.serviceAccount?.namespace == "default")
        #expect(identity.serviceAccount?.name == "reviews")
        let other = try SPIFFEID("spiffe://td/ns/default/reviews")
        #expect(other.serviceAccount == nil)
        #expect(throws: ConfigurationError.self) {
            try SPIFFEID(trustDomain: "td", namespace: "default", serviceAccount: "../x")
        }
    }
}
