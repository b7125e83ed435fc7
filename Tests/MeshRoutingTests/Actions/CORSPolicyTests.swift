// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// What a real Envoy 1.40 answers and adds.
@Suite struct CORSPolicyTests {
    static let full = CORSPolicy(
        origins: [StringMatcher(.exact("http://o"))],
        methods: "GET,PUT",
        headers: "x-a",
        exposedHeaders: "x-e",
        maximumAge: "7",
        allowsCredentials: true,
        allowsPrivateNetwork: true
    )
    static let star = CORSPolicy(origins: [StringMatcher(.exact("*"))], methods: "*", headers: "*")

    static func request(
        _ method: String,
        origin: String?,
        asks: [(name: HeaderName, value: String)] = []
    ) -> InMemoryRequest {
        var request = InMemoryRequest(method: method, headers: asks)
        if let origin { request.setValue(origin, for: "origin") }
        return request
    }

    static let preflight: [(name: HeaderName, value: String)] = [("access-control-request-method", "DELETE")]

    static func decide(_ policy: CORSPolicy, _ request: InMemoryRequest) -> CORSDecision {
        policy.decision(for: request, isEnabled: true, isObserved: false)
    }

    static func fields(_ reply: LocalReply?) -> [String]? {
        reply.map { $0.headers.map { "\($0.name.lowercased.dropFirst(15)): \($0.value)" } }
    }

    @Test func `a page of an allowed origin may see the response`() {
        let decision = Self.decide(Self.full, Self.request("GET", origin: "http://o"))
        #expect(decision.isOriginValid == true && decision.preflight == nil)
        var response = LocalReply(status: 200, headers: [.init("access-control-allow-origin", "upstream's")])
        decision.apply(to: &response)
        #expect(Self.fields(response) == ["allow-origin: http://o", "allow-credentials: true", "expose-headers: x-e"])
    }

    @Test func `a preflight request of an allowed origin is answered`() {
        let asks = Self.preflight + [(name: "access-control-request-headers", value: "x-q")]
        let decision = Self.decide(Self.full, Self.request("OPTIONS", origin: "http://o", asks: asks))
        #expect(decision.preflight?.status == 200)
        #expect(
            Self.fields(decision.preflight) == [
                "allow-origin: http://o", "expose-headers: x-e", "allow-credentials: true", "allow-methods: GET,PUT",
                "allow-headers: x-a", "max-age: 7",
            ]
        )
        let open = Self.decide(Self.star, Self.request("OPTIONS", origin: "http://any", asks: asks))
        #expect(
            Self.fields(open.preflight) == ["allow-origin: http://any", "allow-methods: DELETE", "allow-headers: x-q"]
        )
        let bare = Self.decide(Self.star, Self.request("OPTIONS", origin: "http://any", asks: Self.preflight))
        #expect(Self.fields(bare.preflight)?.last == "allow-headers: ")
    }

    @Test func `a private network is opened to who asks for it`() {
        let asks = Self.preflight + [(name: "access-control-request-private-network", value: "true")]
        let decision = Self.decide(Self.full, Self.request("OPTIONS", origin: "http://o", asks: asks))
        #expect(decision.preflight?.value(of: "access-control-allow-private-network") == "true")
        let closed = Self.decide(Self.star, Self.request("OPTIONS", origin: "http://o", asks: asks))
        #expect(closed.preflight?.value(of: "access-control-allow-private-network") == nil)
    }

    @Test func `a preflight request of another origin goes on, or is answered without that origin`() {
        let request = Self.request("OPTIONS", origin: "http://other", asks: Self.preflight)
        let passed = Self.decide(Self.full, request)
        #expect(passed.isOriginValid == false && passed.preflight == nil && !passed.changesResponse)
        var strict = Self.full
        strict.forwardsOtherPreflights = false
        #expect(
            Self.fields(Self.decide(strict, request).preflight) == [
                "allow-credentials: true", "allow-methods: GET,PUT", "allow-headers: x-a", "max-age: 7",
            ]
        )
    }

    @Test func `OPTIONS without a requested method is a request like others`() {
        let decision = Self.decide(Self.full, Self.request("OPTIONS", origin: "http://o"))
        #expect(decision.preflight == nil && decision.changesResponse)
    }

    @Test(arguments: [nil, ""] as [String?])
    func `a request without an origin is not a page's`(origin: String?) {
        let decision = Self.decide(Self.star, Self.request("OPTIONS", origin: origin, asks: Self.preflight))
        #expect(decision.isOriginValid == nil && decision.preflight == nil && !decision.changesResponse)
    }

    @Test func `a policy that is only observed counts and does nothing`() {
        let request = Self.request("OPTIONS", origin: "http://o", asks: Self.preflight)
        let observed = Self.full.decision(for: request, isEnabled: false, isObserved: true)
        #expect(observed.isOriginValid == true && observed.preflight == nil && !observed.changesResponse)
        let off = Self.full.decision(for: request, isEnabled: false, isObserved: false)
        #expect(off.isOriginValid == nil && off.preflight == nil)
    }

    @Test func `the shares in which a policy is in force and observed are decided by the request's number`() {
        var policy = Self.full
        policy.enabled = RuntimeFraction(FractionalPercent(numerator: 10))
        policy.observed = RuntimeFraction(FractionalPercent(numerator: 20), key: "cors.observed")
        let request = Self.request("GET", origin: "http://o")
        func outcome(_ random: UInt64, _ runtime: [String: RuntimeValue] = [:]) -> String {
            let decision = policy.decision(for: request, facts: RoutingFacts(random: random, runtime: runtime))
            return "\(decision.isOriginValid == nil ? "none" : "counted")\(decision.changesResponse ? " changed" : "")"
        }
        #expect([9, 10, 19, 20].map { outcome($0) } == ["counted changed", "counted", "counted", "none"])
        #expect(outcome(20, ["cors.observed": .integer(30)]) == "counted")
    }

    @Test func `a policy without origins allows none`() {
        let decision = Self.decide(CORSPolicy(origins: [], methods: "GET"), Self.request("GET", origin: "http://o"))
        #expect(decision.isOriginValid == false && !decision.changesResponse)
    }
}
