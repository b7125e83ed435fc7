// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshManifests

@Suite("Names and addresses")
struct NamesTests {
    @Test(
        "hosts are completed within their namespace",
        arguments: [
            ("reviews", "reviews.shop.svc.cluster.local"), ("Reviews", "reviews.shop.svc.cluster.local"),
            ("reviews.other.svc", "reviews.other.svc.cluster.local"), ("api.example.com", "api.example.com"),
            ("*.example.com", "*.example.com"), ("*", "*"), ("a_b.c", "a_b.c"),
        ]
    )
    func hosts(name: String, text: String) {
        #expect(HostPattern(name, namespace: "shop")?.text == text)
    }

    @Test(
        "what is no host is refused",
        arguments: ["", ".", "a.", ".a", "a..b", "a b", "a/b", "*a", "a.*", "**", "*.", "a|b", "a:80", "ä.de"]
    )
    func badHosts(name: String) {
        #expect(HostPattern(name, namespace: "shop") == nil)
    }

    @Test("a pattern stands for hosts below it, and the longer one fits better")
    func wildcards() throws {
        let wide = try #require(HostPattern("*.com", namespace: "shop"))
        let narrow = try #require(HostPattern("*.example.com", namespace: "shop"))
        let exact = try #require(HostPattern("api.example.com", namespace: "shop"))
        #expect(narrow.matches("api.example.com") && wide.matches("api.example.com"))
        #expect(!narrow.matches("example.com") && !narrow.matches("badexample.com"))
        #expect(exact.specificity > narrow.specificity && narrow.specificity > wide.specificity)
    }

    @Test(
        "addresses are told from names",
        arguments: [
            ("127.0.0.1", true), ("255.255.255.255", true), ("256.0.0.1", false), ("1.2.3", false), ("1.2.3.04", false),
            ("1.2.3.4.5", false), ("::", true), ("::1", true), ("2001:db8::1", true), ("1:2:3:4:5:6:7:8", true),
            ("1:2:3:4:5:6:7", false), ("1:2:3:4:5:6:7:8:9", false), ("1::2::3", false), (":::", false),
            ("fe80::", true),
            ("::ffff:192.0.2.1", true), ("::ffff:192.0.2.256", false), ("12345::", false), ("+1::", false),
            ("g::", false),
            (":1", false), ("1:", false), ("", false), ("a.b.c.d", false), ("1:2:3:4:5:6:1.2.3.4", true),
        ]
    )
    func addresses(text: String, isAddress: Bool) {
        #expect(IPAddress.isValid(text) == isAddress)
    }

    @Test("names have the forms of Kubernetes")
    func forms() {
        #expect(KubernetesName.isLabel("reviews-v2") && KubernetesName.isLabel("0"))
        #expect(!KubernetesName.isLabel("-a") && !KubernetesName.isLabel("a-") && !KubernetesName.isLabel("A"))
        #expect(!KubernetesName.isLabel("") && !KubernetesName.isLabel(String(repeating: "a", count: 64)))
        #expect(KubernetesName.isSubdomain("a.b-c.d") && !KubernetesName.isSubdomain("a..b"))
        #expect(KubernetesName.isLabelValue("") && KubernetesName.isLabelValue("v1.2_3-Z"))
        #expect(!KubernetesName.isLabelValue("_a") && !KubernetesName.isLabelValue("a|b"))
    }

    @Test("a mistyped name gets the nearest one as a suggestion, and a strange one none")
    func suggestions() {
        let fields = ["hosts", "http", "gateways", "exportTo"]
        #expect(NearestName.suggestion(for: "host", among: fields) == "; did you mean hosts?")
        #expect(NearestName.suggestion(for: "HTTP", among: fields) == "; did you mean http?")
        #expect(NearestName.suggestion(for: "gatewys", among: fields.reversed()) == "; did you mean gateways?")
        #expect(NearestName.suggestion(for: "selector", among: fields) == "")
        #expect(NearestName.suggestion(for: String(repeating: "h", count: 100_000), among: fields) == "")
    }
}
