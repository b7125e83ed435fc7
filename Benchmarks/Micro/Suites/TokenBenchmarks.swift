// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Checks no signature: what that costs is the cryptography's, and measured with it.
private struct CredulousVerifier: SignatureVerifier {
    func verifies(
        _ signature: [UInt8],
        of message: [UInt8],
        by algorithm: SignatureAlgorithm,
        _ key: JSONWebKey
    ) async -> Bool { true }
}

/// A request with a token.
private struct BearerRequest: RequestHead {
    let method = "GET"
    var scheme: String? { "http" }
    var authority: String? = "reviews"
    var path = "/"
    var isReplayable: Bool { true }
    var authorization: String?

    func value(of name: HeaderName) -> String? { name == "authorization" ? authorization : nil }
    mutating func setValue(_ value: String, for name: HeaderName) {}
    mutating func appendValue(_ value: String, for name: HeaderName) {}
    mutating func removeValues(of name: HeaderName) { if name == "authorization" { authorization = nil } }
}

/// The token of a request is checked: one that is remembered, and ones that are read each time. Without the signature.
func tokenBenchmarks() -> [Benchmark] {
    [
        Benchmark("token/remembered", preparing: { body(tokens: 1) }),
        // More than are remembered, one after another: none ever is.
        Benchmark("token/read", preparing: { body(tokens: 512) }),
    ]
}

private func token(_ number: Int) -> String {
    let claims =
        #"{"iss":"https://issuer.example","sub":"user-\#(number)","aud":["api"],"exp":4000000000,"scope":"read write"}"#
    return [#"{"alg":"ES256","kid":"k","typ":"JWT"}"#, claims, String(repeating: "s", count: 64)]
        .map { Base64URL.encoded(Array($0.utf8)) }.joined(separator: ".")
}

private func body(tokens count: Int) -> Benchmark.Body {
    let zero = [UInt8](repeating: 0, count: 32)
    let keys = JSONWebKeySet(keys: [JSONWebKey(name: "k", .elliptic(.p256, x: zero, y: zero))])
    let provider = JWTProvider(
        name: "p",
        issuer: "https://issuer.example",
        audiences: ["api"],
        keys: .text(""),
        claimHeaders: [.init("x-user", claim: "sub")]
    )
    let authenticator = JWTAuthenticator([
        JWTProviderState(provider, keys: FixedKeySet(keys), verifier: CredulousVerifier())
    ])
    let requirement = authenticator.compiled(.provider("p"))
    let requests = (0..<count).map { BearerRequest(authorization: "Bearer \(token($0))") }
    return { iterations in
        for number in 0..<iterations {
            var request = requests[number % count]
            var notes = TokenNotes()
            authenticator.removeWrittenHeaders(from: &request)
            let failure = await authenticator.check(
                &request,
                against: requirement,
                notes: &notes,
                now: .seconds(1_700_000_000),
                deadline: .never
            )
            guard failure == nil else { fatalError("the token is good") }
        }
    }
}
