// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

struct PeerNameMatcherTests {
    @Test(
        arguments: [
            ("a.example", "a.example", true), ("A.Example", "a.eXAMPLE", true), ("a.example", "*.example", true),
            ("a.b.example", "*.b.example", true), ("a.b.example", "*.example", false), ("example", "*.example", false),
            ("example", "*", false), ("a.example", "*.*", false), ("foo.example", "f*.example", true),
            ("foo.example", "*o.example", true), ("foo.example", "f*o.example", true),
            ("f.example", "f*f.example", false),
            ("foo.example", "**.example", false), ("foo.example", "f*o*.example", false),
            ("xn--a.example", "xn--*.example", false), ("", "", false), (".example", "*.example", false),
            ("a.example", "a.*", false),
        ]
    )
    func `hosts are compared with the names of certificates`(host: String, name: String, isMeant: Bool) {
        #expect(PeerNameMatcher(.dns, StringMatcher(.exact(host))).matches(name, of: .dns) == isMeant)
    }

    @Test func `what is no host is compared as a text`() {
        #expect(!PeerNameMatcher(.uri, StringMatcher(.exact("a.example"))).matches("*.example", of: .uri))
        #expect(PeerNameMatcher(.dns, StringMatcher(.prefix("*."))).matches("*.example", of: .dns))
        #expect(!PeerNameMatcher(.uri, StringMatcher(.prefix("a"))).matches("a", of: .dns))
        #expect(PeerNameMatcher(nil, StringMatcher(.prefix("a"))).matches("a", of: .email))
    }
}
