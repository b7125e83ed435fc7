// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct HeaderNameTests {
    @Test func `names are the same whatever the case of their ASCII letters`() {
        #expect(HeaderName("End-User") == "end-user")
        #expect(HeaderName("END-USER").description == "end-user")
    }

    @Test func `only ASCII letters are lower-cased, so that the Kelvin sign is no k`() {
        #expect(HeaderName("\u{212A}ey") != "key")
        #expect(!HeaderName("\u{212A}ey").isValid)
    }

    @Test(arguments: ["x", "end-user", ":path", "a.b_c~d", "!#$%&'*+-.^_`|~", "X-1"])
    func `tokens and pseudo names are valid`(name: String) {
        #expect(HeaderName(name).isValid)
    }

    @Test(arguments: ["", ":", "::path", "a b", "a:b", "a\r\nb", "é", "a\u{0}", "(x)", "a,b", "a/b", "a=b"])
    func `anything else is not`(name: String) {
        #expect(!HeaderName(name).isValid)
    }
}
