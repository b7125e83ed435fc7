// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import Testing

@Suite("Tokens' form")
struct JSONWebTokenTests {
    private func failure(_ text: String) -> TokenFailure? {
        do throws(TokenFailure) {
            _ = try JSONWebToken(text)
            return nil
        } catch {
            return error
        }
    }

    @Test("the example of RFC 7515, appendix A.1")
    func example() throws {
        let token = try JSONWebToken(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
                + ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
                + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        )
        #expect(token.algorithm == .hs256)
        #expect(token.issuer == "joe")
        #expect(token.expiration == 1_300_819_380)
        #expect(token.claims["http://example.com/is_root"] == .boolean(true))
        #expect(token.signature.count == 32)
        #expect(token.keyName.isEmpty)
    }

    @Test(
        "what is wrong is said in Envoy's words, in Envoy's order",
        arguments: [
            ("", TokenFailure.badFormat), ("a.b", .badFormat), ("a.b.c.d", .badFormat), ("a..c", .badFormat),
            ("a.b.", .badFormat), (".b.c", .badFormat),
            ("!.b.c", .headerBadBase64), ("A.b.c", .headerBadBase64),
            (token("{}", header: "[]"), .headerBadJSON), (token("{}", header: "{"), .headerBadJSON),
            (token("{}", header: "{}"), .headerBadAlgorithm), (token("{}", header: #"{"alg":1}"#), .headerBadAlgorithm),
            (token("{}", header: #"{"alg":"none"}"#), .algorithmNotSupported),
            (token("{}", header: #"{"alg":"es256"}"#), .algorithmNotSupported),
            (token("{}", header: #"{"alg":"ES256","kid":1}"#), .headerBadKeyName),
            (token("{}", header: #"{"alg":"ES256","kid":null}"#), .headerBadKeyName),
            (token("1"), .payloadBadJSON), (token(#"{"a":1,"a":2}"#), .payloadBadJSON),
            (token(#"{"iss":1}"#), .issuerNotText), (token(#"{"sub":[]}"#), .subjectNotText),
            (token(#"{"iat":"x"}"#), .issuedAtNotNumber), (token(#"{"iat":-1}"#), .issuedAtOutOfRange),
            (token(#"{"nbf":{}}"#), .notBeforeNotNumber), (token(#"{"nbf":1e30}"#), .notBeforeOutOfRange),
            (token(#"{"exp":null}"#), .expirationNotNumber), (token(#"{"exp":-0.5}"#), .expirationOutOfRange),
            (token(#"{"jti":7}"#), .nameNotText), (token(#"{"aud":7}"#), .audienceNotText),
            (token(#"{"aud":["a",7]}"#), .audienceNotText),
        ]
    )
    func refusals(text: String, failure: TokenFailure) {
        #expect(self.failure(text) == failure)
    }

    @Test func `a token has one form only`() {
        let good = token("{}", signature: "x")
        #expect(failure(good) == nil)
        #expect(good.hasSuffix("eA"))
        // The same byte with other bits left over, and with padding.
        #expect(failure(String(good.dropLast()) + "B") == .signatureBadBase64)
        #expect(failure(good + "==") == .signatureBadBase64)
        #expect(failure(good + "\n") == .signatureBadBase64)
        #expect(failure(" " + good) == .headerBadBase64)
    }

    @Test func `a token that is too long is not read`() {
        let long = token(#"{"a":""# + String(repeating: "x", count: JSONWebToken.maximumBytes) + #""}"#)
        #expect(failure(long) == .badFormat)
    }

    @Test func `times are compared with the clock's skew, and never overflow`() throws {
        let token = try JSONWebToken(token(#"{"nbf":1000,"exp":2000}"#))
        func failure(at now: UInt64, skew: UInt64 = 60) -> TokenFailure? {
            do throws(TokenFailure) {
                try token.checkTime(now: now, skew: skew)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure(at: 939) == .notYetValid)
        #expect(failure(at: 940) == nil)
        #expect(failure(at: 2060) == nil)
        #expect(failure(at: 2061) == .expired)
        #expect(failure(at: .max, skew: .max) == nil)
    }

    @Test func `bytes at random are refused without harm, and what is changed in a token is noticed`() throws {
        var random = SplitMix(seed: 7)
        let good = token(#"{"iss":"i","aud":["a"],"n":{"a":[1,2.5e3,"\u00e9\ud83d\ude00"]},"exp":5}"#)
        _ = try JSONWebToken(good)
        for _ in 0..<20_000 {
            var bytes = Array(good.utf8)
            for _ in 0..<(1 + random.below(4)) {
                switch random.below(3) {
                case 0: bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: random.below(bytes.count))
                default: bytes.insert(UInt8(random.below(128)), at: random.below(bytes.count))
                }
            }
            guard let token = try? JSONWebToken(String(decoding: bytes, as: UTF8.self)) else { continue }
            // What was read stands for exactly these bytes.
            #expect(bytes.starts(with: token.signedBytes))
        }
    }
}

/// Random numbers that are the same each time.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }
}
