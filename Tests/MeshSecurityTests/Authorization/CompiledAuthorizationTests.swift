// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import MeshTesting
import Testing

@Suite struct CompiledAuthorizationTests {
    @Test(.timeLimit(.minutes(5)), arguments: 1...20 as ClosedRange<UInt64>)
    func `compiled rules say what the rules say, policy by policy`(seed: UInt64) {
        var random = RandomRules(seed: seed)
        var verdicts: Set<Bool> = []
        for _ in 0..<200 {
            let rules = random.rules()
            let compiled = CompiledAuthorization(rules)
            for _ in 0..<10 {
                let (peer, request) = (random.peer(), random.request())
                let expected = rules.verdict(for: request, peer: peer)
                #expect(compiled.verdict(for: request, peer: peer) == expected, "\(rules) \(peer) \(request)")
                #expect(compiled.candidates(of: request, peer: peer) <= rules.policies.count)
                verdicts.insert(expected.isAllowed)
            }
        }
        #expect(verdicts.count == 2)
    }

    private func identity(_ number: Int) -> String { "spiffe://cluster.local/ns/default/sa/\(number)" }

    @Test func `of a thousand policies on callers and paths only those are asked that may match`() {
        let policies = (0..<1000).map { number in
            AuthorizationPolicy(
                name: "\(number)",
                permissions: [number % 2 == 0 ? .any : .path(StringMatcher(.exact("/\(number)")))],
                principals: [number % 2 == 0 ? .authenticated(StringMatcher(.exact(identity(number)))) : .any]
            )
        }
        let compiled = CompiledAuthorization(AuthorizationRules(action: .allow, policies: policies))
        let request = InMemoryRequest(path: "/501?q")
        let peer = AuthorizationPeer(identity: identity(500))
        #expect(compiled.candidates(of: request, peer: peer) == 2)
        #expect(compiled.verdict(for: request, peer: peer) == .allowed(policy: "500"))
        #expect(compiled.verdict(for: request, peer: AuthorizationPeer(identity: nil)) == .allowed(policy: "501"))
        let stranger = AuthorizationPeer(identity: identity(1))
        #expect(!compiled.verdict(for: InMemoryRequest(path: "/500"), peer: stranger).isAllowed)
    }

    @Test func `policies are asked in the order of the bytes of their names`() {
        let policies = ["b", "B", "a", "\u{e9}", "z"].map {
            AuthorizationPolicy(name: $0, permissions: [.any], principals: [.any])
        }
        let rules = AuthorizationRules(action: .deny, policies: policies)
        #expect(rules.policies.map(\.name) == ["B", "a", "b", "z", "\u{e9}"])
        #expect(CompiledAuthorization(rules).verdict(for: InMemoryRequest(), peer: .init(identity: nil)).policy == "B")
    }

    @Test func `rules that log let everything pass and tell which policy wants it`() {
        let policy = AuthorizationPolicy(
            name: "p",
            permissions: [.path(StringMatcher(.exact("/a")))],
            principals: [.any]
        )
        let rules = AuthorizationRules(action: .log, policies: [policy])
        let peer = AuthorizationPeer(identity: nil)
        #expect(rules.verdict(for: InMemoryRequest(path: "/a"), peer: peer) == .allowed(policy: "p"))
        #expect(rules.verdict(for: InMemoryRequest(path: "/b"), peer: peer) == .allowed(policy: nil))
    }

    @Test func `the trace says of each policy which half is met`() {
        let reviews = "spiffe://cluster.local/ns/default/sa/reviews"
        let policy = AuthorizationPolicy(
            name: "p",
            permissions: [.path(StringMatcher(.exact("/a")))],
            principals: [.authenticated(StringMatcher(.exact(reviews)))]
        )
        let rules = AuthorizationRules(action: .allow, policies: [policy])
        let trace = rules.trace(of: InMemoryRequest(path: "/a"), peer: AuthorizationPeer(identity: nil))
        #expect(trace.map(\.policy) == ["p"] && trace.map(\.matches) == [false])
        #expect(trace.map(\.isPermissionMet) == [true] && trace.map(\.isPrincipalMet) == [false])
    }
}
