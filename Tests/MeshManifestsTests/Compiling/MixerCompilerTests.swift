// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshSecurity
import Testing

@Suite("Refusals by Mixer's rules")
struct MixerCompilerTests {
    private static func manifests(
        _ match: String,
        handler: String = "deny.denier",
        instance: String = "any.checknothing",
        namespace: String = "default"
    ) -> String {
        """
        apiVersion: config.istio.io/v1alpha2
        kind: denier
        metadata: {name: deny, namespace: \(namespace)}
        spec: {status: {code: 7, message: Not allowed}}
        ---
        apiVersion: config.istio.io/v1alpha2
        kind: checknothing
        metadata: {name: any, namespace: \(namespace)}
        spec:
        ---
        apiVersion: config.istio.io/v1alpha2
        kind: rule
        metadata: {name: rule, namespace: \(namespace)}
        spec:
          match: \(match)
          actions: [{handler: \(handler), instances: [\(instance)]}]
        """
    }

    private func principals(_ compilation: Compilation) -> [Principal]? {
        guard case .authorization(let filter)? = compilation.inbound?.filters.first, let rules = filter.rules else {
            return nil
        }
        return rules.policies.flatMap(\.principals)
    }

    private func identity(_ account: String) -> Principal {
        .authenticated(StringMatcher(.exact("spiffe://mesh.test/ns/default/sa/\(account)")))
    }

    @Test("name every identity that meets the condition")
    func several() {
        let text = Self.manifests(#"source.labels["app"] == "reviews" || source.labels["app"] == "details""#)
        let compilation = Compilation(text, for: Bookinfo.node("ratings"))
        #expect(
            principals(compilation) == [.anyOf([identity("details"), identity("reviews"), identity("reviews-v3")])]
        )
        #expect(compilation.places.isEmpty)
    }

    @Test("also hit callers of whom nothing is known, where the condition does")
    func unknownCallers() {
        let text = Self.manifests(#"source.labels["app"] != "productpage""#)
        #expect(
            principals(Compilation(text, for: Bookinfo.node("ratings"))) == [.not(.anyOf([identity("productpage")]))]
        )
        let always = Self.manifests(#"destination.labels["app"] == "ratings""#)
        #expect(principals(Compilation(always, for: Bookinfo.node("ratings"))) == [.any])
        #expect(principals(Compilation(always, for: Bookinfo.node("details"))) == nil)
    }

    @Test("hit everybody who shares an identity with those that are meant, which is reported by name")
    func sharedIdentity() {
        let text = Self.manifests(#"source.labels["app"] == "reviews" && source.labels["version"] == "v1""#)
        let compilation = Compilation(text, for: Bookinfo.node("ratings"))
        #expect(principals(compilation) == [.anyOf([identity("reviews")])])
        #expect(
            compilation.diagnostics.map(\.description) == [
                "mesh.yaml:11:1: warning: the rule default/rule also refuses reviews-v2-1004: they share a service account "
                    + "with workloads that it is about [MM0307]"
            ]
        )
    }

    @Test("that meet nobody are reported")
    func nobody() {
        let text = Self.manifests(#"source.labels["app"] == "revews""#)
        let compilation = Compilation(text, for: Bookinfo.node("ratings"))
        #expect(principals(compilation) == nil)
        #expect(compilation.places == ["11:1 MM0308"])
    }

    @Test("are of their namespace, or of all from the root namespace")
    func namespaces() {
        let match = #"source.service == "reviews.default.svc.cluster.local""#
        let refused = [identity("reviews"), identity("reviews-v3")]
        let own = Compilation(Self.manifests(match), for: Bookinfo.node("ratings"))
        #expect(principals(own) == [.anyOf(refused)])
        let root = Compilation(Self.manifests(match, namespace: "istio-system"), for: Bookinfo.node("ratings"))
        #expect(principals(root) == [.anyOf(refused)])
        let other = Compilation(Self.manifests(match, namespace: "shop"), for: Bookinfo.node("ratings"))
        #expect(principals(other) == nil)
    }

    @Test(
        "that name what does not exist are errors",
        arguments: [
            ("dny.denier", "any.checknothing", "16:23 MM0306"), ("deny.denier", "one.checknothing", "16:48 MM0306"),
        ]
    )
    func references(handler: String, instance: String, place: String) {
        let text = Self.manifests(#"'"a" == "a"'"#, handler: handler, instance: instance)
        let compilation = Compilation(text, for: Bookinfo.node("ratings"))
        #expect(compilation.places == [place])
        #expect(compilation.diagnostics.hasErrors)
    }
}
