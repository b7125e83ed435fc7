// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@Suite("AuthorizationPolicy, PeerAuthentication and opting out")
struct SecurityTests {
    @Test(
        "an AuthorizationPolicy reports each mistake where it stands",
        arguments: [
            Mistake("empty", "spec:"),
            Mistake("empty in braces", "spec: {}"),
            Mistake(
                "complete",
                """
                spec:
                  selector: {matchLabels: {app: ratings}}
                  action: DENY
                  rules:
                  - from:
                    - source:
                        principals: ["cluster.local/ns/default/sa/*", "*/sa/x", "*"]
                        notPrincipals: [a]
                        namespaces: [shop, "*-test"]
                        notNamespaces: [x]
                        serviceAccounts: [reviews, shop/reviews]
                        notServiceAccounts: [x]
                    to:
                    - operation: {methods: [GET], notMethods: [PUT], paths: ["/a*", "*z"], notPaths: [/b], ports: ["80"]}
                """
            ),
            Mistake("no spec", "metadat: {}", "1:1 MM0201", "4:1 MM0204"),
            Mistake("an action that does not exist", "spec: {action: FORBID}", "4:16 MM0206"),
            Mistake("a log of nothing", "spec: {action: AUDIT}", "4:8 MM0212"),
            Mistake("an action of nobody", "spec: {action: CUSTOM}", "4:7 MM0201"),
            Mistake("a provider without a name", "spec: {action: CUSTOM, provider: {}}", "4:34 MM0201"),
            Mistake("a question to nobody", "spec: {action: CUSTOM, provider: {name: a}}", "4:8 MM0212"),
            Mistake("a provider of others", "spec: {provider: {name: a}}", "4:8 MM0214"),
            Mistake("a refusal of nothing", "spec: {action: DENY}", "4:8 MM0212"),
            Mistake("no conditions", "spec: {rules: [{when: []}]}", "4:17 MM0201"),
            Mistake(
                "every condition",
                """
                spec:
                  rules:
                  - from:
                    - source:
                        requestPrincipals: ["*", "https://a/*", "*/sub"]
                        notRequestPrincipals: [a/b]
                        ipBlocks: [10.0.0.0/8, "::1"]
                        notIpBlocks: [10.1.2.3]
                        remoteIpBlocks: [0.0.0.0/0]
                        notRemoteIpBlocks: ["fe80::/10"]
                        trustDomains: [cluster.local, "*.test"]
                        notTrustDomains: ["evil*"]
                    to:
                    - operation: {hosts: [a.test, "*.b.test"], notHosts: ["c:*"], paths: ["/a/{*}/c", "/x/{**}"]}
                    when:
                    - {key: source.ip, values: [10.1.0.0/16]}
                    - {key: remote.ip, notValues: [10.1.0.0/16]}
                    - {key: source.namespace, values: [a]}
                    - {key: source.principal, values: ["cluster.local/ns/a/sa/*"]}
                    - {key: request.auth.principal, values: ["*"]}
                    - {key: request.auth.audiences, values: [a]}
                    - {key: request.auth.presenter, values: [a]}
                    - {key: "request.auth.claims[a][b]", values: [a], notValues: ["b*"]}
                    - {key: "request.headers[x-a]", values: ["*"]}
                    - {key: destination.ip, values: [10.1.0.0/16]}
                    - {key: destination.port, values: ["80"]}
                    - {key: connection.sni, values: ["*.a.test"]}
                """
            ),
            Mistake("an unknown key", "spec: {rules: [{when: [{key: a.b, values: [c]}]}]}", "4:30 MM0206"),
            Mistake(
                "Envoy's insides",
                "spec: {rules: [{when: [{key: \"experimental.envoy.filters.a[b]\", values: [c]}]}]}",
                "4:30 MM0211"
            ),
            Mistake("a condition without values", "spec: {rules: [{when: [{key: source.ip}]}]}", "4:30 MM0201"),
            Mistake(
                "a header without a name",
                "spec: {rules: [{when: [{key: \"request.headers[]\", values: [c]}]}]}",
                "4:30 MM0206"
            ),
            Mistake("no address", "spec: {rules: [{from: [{source: {ipBlocks: [10.0.0.0/33]}}]}]}", "4:45 MM0206"),
            Mistake("an empty source", "spec: {rules: [{from: [{source: {}}]}]}", "4:33 MM0201"),
            Mistake("no source", "spec: {rules: [{from: [{}]}]}", "4:24 MM0201"),
            Mistake("an empty list", "spec: {rules: [{from: [{source: {principals: []}}]}]}", "4:34 MM0201"),
            Mistake("no accounts", "spec: {rules: [{from: [{source: {serviceAccounts: []}}]}]}", "4:34 MM0201"),
            Mistake("no ports", "spec: {rules: [{to: [{operation: {ports: []}}]}]}", "4:35 MM0201"),
            Mistake("no sources", "spec: {rules: [{from: []}]}", "4:17 MM0201"),
            Mistake("no operations", "spec: {rules: [{to: []}]}", "4:17 MM0201"),
            Mistake("a scheme", "spec: {rules: [{from: [{source: {principals: [\"spiffe://a\"]}}]}]}", "4:47 MM0206"),
            Mistake("schemes", "spec: {rules: [{from: [{source: {principals: [\"spiffe://a*\"]}}]}]}", "4:47 MM0206"),
            Mistake(
                "a long namespace",
                "spec: {rules: [{from: [{source: {namespaces: [\(String(repeating: "a", count: 64))]}}]}]}",
                "4:47 MM0206"
            ),
            Mistake("a star inside", "spec: {rules: [{from: [{source: {principals: [\"a*b\"]}}]}]}", "4:47 MM0206"),
            Mistake("an empty text", "spec: {rules: [{from: [{source: {namespaces: [\"\"]}}]}]}", "4:47 MM0206"),
            Mistake("a bad account", "spec: {rules: [{from: [{source: {serviceAccounts: [a/b/c]}}]}]}", "4:52 MM0206"),
            Mistake("a star of its own", "spec: {rules: [{to: [{operation: {paths: [\"/{*}/*\"]}}]}]}", "4:43 MM0211"),
            Mistake("a template in a word", "spec: {rules: [{to: [{operation: {paths: [\"{*}\"]}}]}]}", "4:43 MM0206"),
            Mistake("a named template", "spec: {rules: [{to: [{operation: {paths: [\"/{a}\"]}}]}]}", "4:43 MM0211"),
            Mistake("a port that is a number", "spec: {rules: [{to: [{operation: {ports: [80]}}]}]}", "4:43 MM0205"),
            Mistake("a port out of range", "spec: {rules: [{to: [{operation: {ports: [\"0\"]}}]}]}", "4:43 MM0206"),
            Mistake("no target", "spec: {targetRefs: []}", "4:8 MM0201"),
            Mistake("a service", "spec: {targetRefs: [{kind: Service, name: a}]}", "4:8 MM0210"),
            Mistake("a gateway", "spec: {targetRefs: [{kind: Gateway, name: a}]}", "4:28 MM0211"),
            Mistake("a mistyped selector", "spec: {selector: {matchLabel: {}}}", "4:19 MM0204"),
        ]
    )
    func authorization(mistake: Mistake) {
        let text = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\n\(mistake.text)\n"
        #expect(ManifestReading.of(text).places == mistake.expected)
    }

    @Test(
        "a PeerAuthentication reports each mistake where it stands",
        arguments: [
            Mistake(
                "complete",
                "spec: {selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}, portLevelMtls: {80: {mode: DISABLE}}}"
            ),
            Mistake("unset", "spec: {mtls: {mode: UNSET}}"),
            Mistake("empty", "spec: {}"),
            Mistake("no spec", "", "1:1 MM0201"),
            Mistake("a mode that does not exist", "spec: {mtls: {mode: MUTUAL}}", "4:21 MM0206"),
            Mistake("a mistyped field", "spec: {mtls: {mod: STRICT}}", "4:15 MM0204"),
            Mistake("ports without a selector", "spec: {portLevelMtls: {80: {mode: STRICT}}}", "4:8 MM0214"),
            Mistake(
                "a port that is none",
                "spec: {selector: {matchLabels: {a: b}}, portLevelMtls: {web: {mode: STRICT}}}",
                "4:57 MM0206"
            ),
        ]
    )
    func peerAuthentication(mistake: Mistake) {
        let text =
            "apiVersion: security.istio.io/v1beta1\nkind: PeerAuthentication\nmetadata: {name: a}\n\(mistake.text)\n"
        #expect(ManifestReading.of(text).places == mistake.expected)
    }

    @Test(
        "pods opt out by an annotation or a label, in text",
        arguments: [
            Mistake(
                "an annotation",
                "{labels: {app: a}, annotations: {sidecar.istio.io/inject: \"false\"}}",
                "6:57 MM0502"
            ),
            Mistake("a label", "{labels: {app: a, sidecar.istio.io/inject: \"false\"}}", "6:42 MM0502"),
            Mistake("opting in", "{labels: {app: a}, annotations: {sidecar.istio.io/inject: \"true\"}}"),
            Mistake("a boolean", "{labels: {app: a}, annotations: {sidecar.istio.io/inject: false}}", "6:82 MM0205"),
            Mistake("no labels", "{annotations: {sidecar.istio.io/inject: \"false\"}}", "6:39 MM0212"),
            Mistake("nothing", "{labels: {app: a}}"),
        ]
    )
    func optOut(mistake: Mistake) {
        let text = """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: a}
            spec:
              replicas: 2
              template: {metadata: \(mistake.text), spec: {containers: []}}
            """
        #expect(ManifestReading.of(text).places == mistake.expected)
    }

    @Test("a Pod opts out by itself")
    func pod() {
        let text = """
            apiVersion: v1
            kind: Pod
            metadata: {name: a, labels: {app: a}, annotations: {sidecar.istio.io/inject: "false"}}
            spec: {}
            """
        #expect(ManifestReading.of(text).places == ["3:53 MM0502"])
    }
}
