// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshJWT
import MeshSecurity
import Testing

@Suite("Signatures by jwt-kit", .timeLimit(.minutes(5)))
struct JWTKitVerifierTests {
    private let verifier = JWTKitVerifier()

    private func key(_ text: String) throws -> JSONWebKey {
        try #require(try JSONWebKeySet(Array(text.utf8)).keys.first)
    }

    @Test(arguments: SignatureAlgorithm.allCases)
    func `what another library has signed is believed, and nothing that differs in a bit`(
        algorithm: SignatureAlgorithm
    ) async throws {
        let signed = try #require(SignedTokens.all.first { $0.algorithm == algorithm })
        let token = try JSONWebToken(signed.token)
        let key = try key(signed.keys)
        #expect(token.algorithm == algorithm)
        #expect(key.serves(algorithm))
        #expect(await verifier.verifies(token.signature, of: token.signedBytes, by: algorithm, key))
        var signature = token.signature
        signature[signature.count / 2] ^= 1
        #expect(await !verifier.verifies(signature, of: token.signedBytes, by: algorithm, key))
        var message = token.signedBytes
        message[0] ^= 1
        #expect(await !verifier.verifies(token.signature, of: message, by: algorithm, key))
        #expect(await !verifier.verifies([], of: token.signedBytes, by: algorithm, key))
        #expect(await !verifier.verifies(token.signature + [0], of: token.signedBytes, by: algorithm, key))
    }

    @Test func `no key is used for another kind's algorithm`() async throws {
        for signed in SignedTokens.all {
            let token = try JSONWebToken(signed.token)
            let key = try key(signed.keys)
            for other in SignatureAlgorithm.allCases where other != signed.algorithm {
                #expect(await !verifier.verifies(token.signature, of: token.signedBytes, by: other, key))
            }
        }
    }

    @Test func `no other key of the same kind believes it`() async throws {
        for signed in SignedTokens.all {
            let token = try JSONWebToken(signed.token)
            for other in SignedTokens.all where other.keys != signed.keys {
                let key = try key(other.keys)
                guard key.serves(signed.algorithm) else { continue }
                #expect(await !verifier.verifies(token.signature, of: token.signedBytes, by: signed.algorithm, key))
            }
        }
    }

    @Test func `a point that is not on its curve is nobody's key`() async {
        let key = JSONWebKey(
            .elliptic(.p256, x: Array(repeating: 1, count: 32), y: Array(repeating: 2, count: 32))
        )
        #expect(await !verifier.verifies(Array(repeating: 1, count: 64), of: [1], by: .es256, key))
    }

    @Test func `more keys than are kept prepared are checked all the same`() async throws {
        let signed = try #require(SignedTokens.all.first { $0.algorithm == .hs256 })
        let token = try JSONWebToken(signed.token)
        let good = try key(signed.keys)
        for number in 0..<300 {
            let secret = Array(repeating: UInt8(truncatingIfNeeded: number), count: 32 + number)
            #expect(
                await !verifier.verifies(
                    token.signature,
                    of: token.signedBytes,
                    by: .hs256,
                    JSONWebKey(.symmetric(secret))
                )
            )
        }
        #expect(await verifier.verifies(token.signature, of: token.signedBytes, by: .hs256, good))
    }
}
