// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import Testing

@Suite("Key sets")
struct JSONWebKeySetTests {
    private static let coordinate = Base64URL.encoded(Array(repeating: 1, count: 32))
    private static let elliptic = #""kty":"EC","crv":"P-256","x":"\#(coordinate)","y":"\#(coordinate)""#
    private static let secret = #""kty":"oct","k":"\#(Base64URL.encoded(Array(repeating: 7, count: 48)))""#
    private static let modulus = Base64URL.encoded([0x80] + Array(repeating: 1, count: 255))

    private func keys(_ keys: String...) throws -> JSONWebKeySet {
        try JSONWebKeySet(Array(#"{"keys":[\#(keys.map { "{\($0)}" }.joined(separator: ","))]}"#.utf8))
    }

    @Test(
        "keys that cannot check signatures are left aside",
        arguments: [
            #""kty":"EC","crv":"P-256","x":"AA""#, #""kty":"XX""#, #""kty":7"#, "",
            #"\#(elliptic),"use":"enc""#, #"\#(elliptic),"key_ops":["sign"]"#, #"\#(elliptic),"alg":"ES384""#,
            #"\#(elliptic),"alg":"RS256""#, #"\#(elliptic),"alg":"ECDH-ES""#, #"\#(secret),"alg":"HS512""#,
            #""kty":"oct","k":"""#, #""kty":"OKP","crv":"X25519","x":"\#(coordinate)""#,
            #""kty":"OKP","crv":"Ed25519","x":"AAAA""#, #""kty":"RSA","n":"AQAB","e":"AQAB""#,
            #""kty":"RSA","n":"\#(modulus)","e":"Ag""#, #""kty":"RSA","n":"!","e":"AQAB""#,
        ]
    )
    func unusable(fields: String) throws {
        let set = try keys(fields, #"\#(Self.secret),"kid":"good""#)
        #expect(set.keys.map(\.name) == ["good"])
        #expect(set.unusable == 1)
        #expect(throws: JSONWebKeySet.Malformed.self) { try keys(fields) }
    }

    @Test func `a key serves the algorithms of its kind and no others`() throws {
        let set = try keys(
            Self.elliptic,
            Self.secret,
            #""kty":"RSA","n":"\#(Self.modulus)","e":"AQAB""#,
            #""kty":"OKP","crv":"Ed25519","x":"\#(Self.coordinate)""#
        )
        let served = set.keys.map { key in SignatureAlgorithm.allCases.filter { key.serves($0) } }
        #expect(
            served == [
                [.es256], [.hs256, .hs384], [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512], [.edDSA],
            ],
            "a secret is at least as long as the hash"
        )
    }

    @Test(
        "what is no set says why, and shows nothing of it",
        arguments: ["", "[]", "{}", #"{"keys":{}}"#, #"{"keys":[]}"#, #"{"keys":[1]}"#]
    )
    func malformed(text: String) {
        #expect(throws: JSONWebKeySet.Malformed.self) { try JSONWebKeySet(Array(text.utf8)) }
    }

    @Test func `a set is bounded`() throws {
        let many = Array(repeating: "{\(Self.secret)}", count: 500).joined(separator: ",")
        let set = try JSONWebKeySet(Array(#"{"keys":[\#(many)]}"#.utf8))
        #expect(set.keys.count == JSONWebKeySet.maximumKeys)
        #expect(set.unusable == 400)
        let long = Array(repeating: UInt8(ascii: " "), count: JSONWebKeySet.maximumBytes + 1)
        #expect(throws: JSONWebKeySet.Malformed.self) { try JSONWebKeySet(long) }
    }

    @Test func `sets at random are read or refused without harm`() {
        var random = SplitMix(seed: 11)
        let good = Array(#"{"keys":[{\#(Self.elliptic),"kid":"a"},{\#(Self.secret),"use":"sig"}]}"#.utf8)
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<(1 + random.below(5)) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let set = try? JSONWebKeySet(bytes) else { continue }
            #expect(set.keys.count + set.unusable <= 2)
        }
    }
}
