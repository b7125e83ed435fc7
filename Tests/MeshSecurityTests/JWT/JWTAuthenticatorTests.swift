// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import Testing

@Suite("What tokens requests carry")
struct JWTAuthenticatorTests {
    /// A request that keeps its headers in order.
    struct Carried: RequestHead, Equatable {
        struct Field: Equatable {
            var name: String
            var value: String
        }

        var method = "GET"
        var scheme: String? = "http"
        var authority: String? = "a.test"
        var path = "/"
        var fields: [Field] = []
        var isReplayable: Bool { true }

        init(_ path: String = "/", _ fields: KeyValuePairs<String, String> = [:]) {
            self.path = path
            self.fields = fields.map { Field(name: $0.key, value: $0.value) }
        }

        func value(of name: HeaderName) -> String? {
            let values = values(of: name)
            return values.isEmpty ? nil : values.joined(separator: ",")
        }
        func values(of name: HeaderName) -> [String] {
            fields.filter { $0.name == name.lowercased }.map(\.value)
        }
        mutating func setValue(_ value: String, for name: HeaderName) {
            removeValues(of: name)
            appendValue(value, for: name)
        }
        mutating func appendValue(_ value: String, for name: HeaderName) {
            fields.append(Field(name: name.lowercased, value: value))
        }
        mutating func removeValues(of name: HeaderName) { fields.removeAll { $0.name == name.lowercased } }
    }

    private static let one = JWTProvider(
        name: "one",
        issuer: "one",
        audiences: ["https://api/"],
        keys: .text(""),
        payloadHeader: "x-payload",
        claimHeaders: [.init("x-sub", claim: "sub"), .init("x-deep", claim: "a.b")],
        claimsNote: "payload",
        headerNote: "header",
        failureNote: "failure",
        spaceDelimitedClaims: ["scope"]
    )
    private static let two = JWTProvider(
        name: "two",
        issuer: "two",
        keys: .text(""),
        forwardsToken: true,
        fromHeaders: [.init("x-token", valuePrefix: "Token ")],
        fromParameters: ["tok"],
        fromCookies: ["jwt"],
        claimHeaders: [.init("x-two", claim: "sub")]
    )

    private let keys = SettableKeySet([.named("k")])
    private let verifier = NamingVerifier()
    private var authenticator: JWTAuthenticator {
        JWTAuthenticator([Self.one, Self.two].map { JWTProviderState($0, keys: keys, verifier: verifier) })
    }

    private func bearer(_ claims: String, signature: String = "k") -> String {
        "Bearer " + token(claims, signature: signature)
    }

    private let good = #"{"iss":"one","aud":"api","sub":"user","exp":5000,"scope":"a b","a":{"b":[1,"x"]}}"#
    private let other = #"{"iss":"two","sub":"2"}"#

    /// - Returns: Why the request does not pass, the request as it goes on, and what was noted.
    private func check(
        _ request: Carried,
        _ requirement: JWTRequirement,
        _ authenticator: JWTAuthenticator? = nil,
        at now: UInt64 = 1000
    ) async -> (failure: TokenFailure?, request: Carried, notes: [String: MetadataValue]) {
        let authenticator = authenticator ?? self.authenticator
        var request = request
        var notes = TokenNotes()
        authenticator.removeWrittenHeaders(from: &request)
        let failure = await authenticator.check(
            &request,
            against: authenticator.compiled(requirement),
            notes: &notes,
            now: .seconds(now),
            deadline: .never
        )
        return (failure, request, notes.fields)
    }

    @Test func `a good token passes, leaves the request, and what it says comes in`() async {
        let result = await check(
            Carried("/", ["authorization": bearer(good), "x-sub": "forged", "x-payload": "forged", "x-else": "1"]),
            .provider("one")
        )
        #expect(result.failure == nil)
        #expect(result.request.values(of: "authorization") == [])
        #expect(result.request.values(of: "x-sub") == ["user"])
        #expect(result.request.values(of: "x-payload") == [Base64URL.encoded(Array(good.utf8))])
        #expect(result.request.values(of: "x-deep") == [Base64.encoded(Array(#"[1,"x"]"#.utf8))])
        #expect(result.request.values(of: "x-else") == ["1"])
        guard case .fields(let claims)? = result.notes["payload"] else {
            Issue.record("no claims are noted")
            return
        }
        #expect(claims["sub"] == .text("user"))
        #expect(claims["scope"] == .list([.text("a"), .text("b")]))
        #expect(result.notes["header"] != nil)
    }

    @Test func `nobody writes a claim's header without a token`() async {
        let forged = Carried("/", ["x-sub": "admin", "x-two": "admin", "x-payload": "x"])
        let requirements: [JWTRequirement] = [
            .allowMissing, .allowMissingOrFailed, .any([.provider("one"), .allowMissing]),
            .any([.provider("two"), .provider("one"), .allowMissingOrFailed]),
        ]
        for requirement in requirements {
            let result = await check(forged, requirement)
            #expect(result.failure == nil)
            #expect(result.request.values(of: "x-sub") == [], "\(requirement)")
            // Nor that of a provider which the requirement does not name.
            #expect(result.request.values(of: "x-two") == [], "\(requirement)")
        }
        // Not even by a token of another provider.
        let both = await check(
            Carried("/", ["x-token": "Token " + token(other), "x-sub": "admin"]),
            .any([.provider("two"), .provider("one")])
        )
        #expect(both.failure == nil)
        #expect(both.request.values(of: "x-sub") == [])
        #expect(both.request.values(of: "x-two") == ["2"])
    }

    @Test(
        "a bad token says why",
        arguments: [
            (#"{"iss":"evil","aud":"api"}"#, "k", TokenFailure.unknownIssuer),
            (#"{"iss":"one","aud":"other"}"#, "k", .audienceNotAllowed), (#"{"iss":"one"}"#, "k", .audienceNotAllowed),
            (#"{"iss":"one","aud":"api","exp":900}"#, "k", .expired),
            (#"{"iss":"one","aud":"api","nbf":1100}"#, "k", .notYetValid),
            (#"{"iss":"one","aud":"api"}"#, "forged", .verificationFailed),
        ]
    )
    func refusals(claims: String, signature: String, failure: TokenFailure) async {
        let request = Carried("/", ["authorization": bearer(claims, signature: signature)])
        let result = await check(request, .provider("one"))
        #expect(result.failure == failure)
        #expect(result.notes["failure"] != nil)
        #expect(result.notes["payload"] == nil)
        #expect(await check(request, .allowMissing).failure != nil)
        #expect(await check(request, .allowMissingOrFailed).failure == nil)
    }

    @Test func `tokens are looked for where the provider says`() async {
        let made = token(other)
        let requests = [
            Carried("/", ["x-token": "Token \(made)"]), Carried("/?a=1&tok=\(made)&b=2"),
            Carried("/", ["cookie": "a=1; jwt=\(made)"]), Carried("/", ["cookie": "jwt=\"\(made)\""]),
        ]
        for request in requests {
            let result = await check(request, .provider("two"))
            #expect(result.failure == nil)
            #expect(result.request.path == request.path, "it is passed on")
        }
        for request in [Carried("/", ["authorization": "Bearer \(made)"]), Carried("/", ["x-token": made])] {
            #expect(await check(request, .provider("two")).failure == .missing)
        }
    }

    @Test func `a token leaves the query, and nothing else does`() async {
        let request = Carried("/p?a=%41&access_token=\(token(good))&b#f")
        #expect(await check(request, .provider("one")).request.path == "/p?a=%41&b#f")
        #expect(await check(Carried("/p?access_token=\(token(good))"), .provider("one")).request.path == "/p")
    }

    @Test func `of several tokens each must be good`() async {
        let (best, bad) = ("Token " + token(other), "Token " + token(other, signature: "forged"))
        for fields: KeyValuePairs in [
            ["x-token": best, "X-Token".lowercased(): bad], ["x-token": bad, "X-Token".lowercased(): best],
        ] {
            let request = Carried("/", fields)
            #expect(await check(request, .provider("two")).failure == .verificationFailed)
            #expect(await check(request, .allowMissing).failure == .verificationFailed)
        }
        let joined = Carried("/", ["authorization": bearer(good), "Authorization".lowercased(): bearer(good)])
        #expect(await check(joined, .provider("one")).failure == .badFormat, "there is one authorization")
    }

    @Test func `any, all and missing`() async {
        let one = Carried("/", ["authorization": bearer(good)])
        let two = Carried("/", ["x-token": "Token \(token(other))"])
        let both = Carried("/", ["authorization": bearer(good), "x-token": "Token \(token(other))"])
        let any = JWTRequirement.any([.provider("one"), .provider("two")])
        let all = JWTRequirement.all([.provider("one"), .provider("two")])
        for request in [one, two, both] { #expect(await check(request, any).failure == nil) }
        #expect(await check(Carried(), any).failure == .missing)
        #expect(await check(one, all).failure == .missing)
        #expect(await check(both, all).failure == nil)
        #expect(await check(Carried(), .any([any, .allowMissing])).failure == nil)
        let wrong = Carried("/", ["authorization": bearer(other)])
        #expect(await check(wrong, any).failure == .unknownIssuer, "it says more than that none is there")
        #expect(await check(Carried(), .none).failure == nil)
        #expect(await check(both, .provider("three")).failure == .missing, "what does not exist is never met")
    }

    @Test func `other audiences stand in place of the provider's`() async {
        let request = Carried("/", ["authorization": bearer(#"{"iss":"one","aud":"special"}"#)])
        #expect(await check(request, .provider("one")).failure == .audienceNotAllowed)
        #expect(await check(request, .providerForAudiences("one", ["special"])).failure == nil)
    }

    @Test func `a token that has passed is not checked again, until its time is over or its keys are others`() async {
        let authenticator = authenticator
        let request = Carried("/", ["authorization": bearer(good)])
        for _ in 0..<3 { #expect(await check(request, .provider("one"), authenticator).failure == nil) }
        #expect(verifier.questions == 1)
        #expect(await check(request, .provider("one"), authenticator, at: 6000).failure == .expired)
        keys.exchange([.named("other")])
        let failure = await check(request, .provider("one"), authenticator).failure
        #expect(failure == .noMatchingKey, "its key is gone")
    }

    @Test func `a claim cannot begin another header`() async {
        let claims = #"{"iss":"one","aud":"api","sub":"a\r\nx-admin: 1"}"#
        let result = await check(Carried("/", ["authorization": bearer(claims)]), .provider("one"))
        #expect(result.failure == nil)
        #expect(result.request.values(of: "x-sub") == [])
    }

    @Test func `without keys nobody passes`() async {
        let empty = JWTAuthenticator([JWTProviderState(Self.one, keys: FixedKeySet(nil), verifier: verifier)])
        let request = Carried("/", ["authorization": bearer(good)])
        #expect(await check(request, .provider("one"), empty).failure == .noValidKeys)
    }

    @Test func `lifetime and subject are bounded where the provider says`() async {
        var provider = Self.one
        provider.maximumLifetime = .seconds(100)
        provider.subjects = StringMatcher(.prefix("user"))
        let strict = JWTAuthenticator([JWTProviderState(provider, keys: keys, verifier: verifier)])
        func failure(_ claims: String) async -> TokenFailure? {
            await check(Carried("/", ["authorization": bearer(claims)]), .provider("one"), strict).failure
        }
        #expect(await failure(#"{"iss":"one","aud":"api","sub":"user","exp":1050}"#) == nil)
        #expect(await failure(#"{"iss":"one","aud":"api","sub":"user","exp":1200}"#) == .verificationFailed)
        #expect(await failure(#"{"iss":"one","aud":"api","sub":"user"}"#) == .verificationFailed)
        #expect(await failure(#"{"iss":"one","aud":"api","sub":"robot","exp":1050}"#) == .verificationFailed)
    }
}
