// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

@Suite struct SPIFFEBundleTests {
    private let authority: TestAuthority

    init() throws {
        self.authority = try TestAuthority(trustDomain: "example.org")
    }

    private func key(_ certificate: Certificate, kty: String = "EC", use: String = "x509-svid") throws -> String {
        let text = Data(try certificate.serializeAsPEM().derBytes).base64EncodedString()
        return #"{"kty":"\#(kty)","use":"\#(use)","x5c":["\#(text)"]}"#
    }

    @Test func `roots are read, keys for JWTs are left to others`() throws {
        let second = try TestAuthority(trustDomain: "example.org")
        let json = try """
        {"keys":[\(key(authority.certificate)),{"kty":"RSA","use":"jwt-svid","kid":"1"},\(key(second.certificate))],
         "spiffe_sequence":7,"spiffe_refresh_hint":300}
        """
        let bundle = try SPIFFEBundle(json: json, trustDomain: "example.org")
        #expect(bundle.sequence == 7 && bundle.refreshHint == 300)
        let map = try SPIFFEBundleMap(json: #"{"trust_domains":{"example.org":\#(json)}}"#)
        #expect(map.bundles["example.org"] == bundle)
        #expect(try Set(map.trust.roots(of: "example.org")) == [authority.certificate, second.certificate])
    }

    @Test func `any error refuses all of it`() throws {
        let good = try key(authority.certificate)
        let foreign = try key(TestAuthority(trustDomain: "other.example").certificate)
        let leaf = try key(authority.leaf(TestAuthority.Leaf(uris: ["spiffe://example.org/a"])))
        let bad = [
            foreign, leaf, "{}", #"{"kty":"EC","use":"x509-svid"}"#, #"{"kty":"EC","use":"x509-svid","x5c":[]}"#,
            #"{"kty":"EC","use":"x509-svid","x5c":["AAAA","AAAA"]}"#, #"{"kty":"EC","use":"x509-svid","x5c":["!"]}"#,
            try key(authority.certificate, kty: "oct"), try key(authority.certificate, use: "sig"), "7",
        ]
        _ = try SPIFFEBundle(json: "{\"keys\":[\(good)]}", trustDomain: "example.org")
        for key in bad {
            #expect(throws: IdentityError.self) {
                try SPIFFEBundle(json: "{\"keys\":[\(good),\(key)]}", trustDomain: "example.org")
            }
        }
        for json in ["", "{}", "[]", "{\"keys\":7}"] {
            #expect(throws: IdentityError.self) { try SPIFFEBundle(json: json, trustDomain: "example.org") }
        }
        for domain in ["", "Example.org", "example.org/a"] {
            #expect(throws: IdentityError.self) {
                try SPIFFEBundleMap(json: #"{"trust_domains":{"\#(domain)":{"keys":[]}}}"#)
            }
        }
    }
}
