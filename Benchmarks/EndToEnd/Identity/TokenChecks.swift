// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshJWT
import MeshSecurity

/// Requests with tokens, and what checks them as a server's inbound stack does.
struct TokenChecks: Sendable {
    /// A check that failed.
    struct Refused: Error {}

    private struct Request: RequestHead {
        let method = "GET"
        var scheme: String? { "https" }
        var authority: String? = "reviews"
        var path = "/"
        var isReplayable: Bool { true }
        var authorization: String?

        func value(of name: HeaderName) -> String? { name == "authorization" ? authorization : nil }
        mutating func setValue(_ value: String, for name: HeaderName) {}
        mutating func appendValue(_ value: String, for name: HeaderName) {}
        mutating func removeValues(of name: HeaderName) { if name == "authorization" { authorization = nil } }
    }

    private let requests: [Request]
    private let authenticator: JWTAuthenticator
    private let requirement: JWTAuthenticator.Requirement

    /// Signs that many different tokens.
    init(_ signer: TokenSigner, tokens count: Int) throws {
        let (keys, sign) = try signer.key()
        requests = try (0..<count).map { number in
            let header = #"{"alg":"\#(signer.rawValue)","kid":"k","typ":"JWT"}"#
            let subject = "\"sub\":\"user-\(number)\""
            let claims = #"{"iss":"https://issuer.example",\#(subject),"aud":["api"],"exp":4000000000}"#
            let message = [header, claims].map { Base64URL.encoded(Array($0.utf8)) }.joined(separator: ".")
            let signature = Base64URL.encoded(Array(try sign(Data(message.utf8))))
            return Request(authorization: "Bearer \(message).\(signature)")
        }
        let provider = JWTProvider(
            name: "p",
            issuer: "https://issuer.example",
            audiences: ["api"],
            keys: .text(""),
            claimHeaders: [.init("x-user", claim: "sub")]
        )
        authenticator = JWTAuthenticator([
            JWTProviderState(provider, keys: FixedKeySet(keys), verifier: JWTKitVerifier())
        ])
        requirement = authenticator.compiled(.provider("p"))
    }

    /// Checks that many, by turns.
    func run(_ count: Int) async throws {
        for number in 0..<count {
            var request = requests[number % requests.count]
            var notes = TokenNotes()
            authenticator.removeWrittenHeaders(from: &request)
            let failure = await authenticator.check(
                &request,
                against: requirement,
                notes: &notes,
                now: .seconds(1_700_000_000),
                deadline: .never
            )
            if failure != nil { throw Refused() }
        }
    }
}
