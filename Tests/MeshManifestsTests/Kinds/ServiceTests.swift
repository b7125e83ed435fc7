// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests
import Testing

@Suite("ServiceEntry and Service")
struct ServiceTests {
    /// A ServiceEntry whose spec begins in line 5.
    private static func entry(_ spec: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: api}
        spec:
        \(spec)
        """
    }

    private static let base = "  hosts: [api.example.com]\n  ports: [{number: 80, name: http, protocol: HTTP}]\n"

    @Test("a ServiceEntry is read with everything that is supported")
    func complete() {
        let text = Self.entry(
            Self.base
                + """
                  location: MESH_INTERNAL
                  resolution: STATIC
                  exportTo: [.]
                  subjectAltNames: ["spiffe://a/ns/b/sa/c"]
                  endpoints:
                  - {address: 192.0.2.1, ports: {http: 8080}, labels: {version: v1}, weight: 3, locality: a/b/c/d}
                  - {address: "2001:db8::1", serviceAccount: api}
                  - {address: "unix:///run/api.sock"}
                """.replacing("    location", with: "  location")
        )
        #expect(ManifestReading.of(text).places.isEmpty)
    }

    @Test(
        "a ServiceEntry reports each mistake where it stands",
        arguments: [
            Mistake("nothing", "  location: MESH_EXTERNAL", "5:3 MM0201", "5:3 MM0201"),
            Mistake("a location that does not exist", base + "  location: OUTSIDE", "7:13 MM0206"),
            Mistake("a resolution that does not exist", base + "  resolution: DNS_ROUND", "7:15 MM0206"),
            Mistake("fixed endpoints that are missing", base + "  resolution: STATIC", "7:3 MM0201"),
            Mistake(
                "a fixed endpoint that is a name",
                base + "  resolution: STATIC\n  endpoints: [{address: a.com}]",
                "8:25 MM0206"
            ),
            Mistake(
                "an endpoint that is nothing",
                base + "  resolution: DNS\n  endpoints: [{address: a b}]",
                "8:25 MM0206"
            ),
            Mistake(
                "an endpoint without address",
                base + "  resolution: DNS\n  endpoints: [{weight: 1}]",
                "8:15 MM0201"
            ),
            Mistake(
                "a weight of 0",
                base + "  resolution: DNS\n  endpoints: [{address: a.com, weight: 0}]",
                "8:40 MM0206"
            ),
            Mistake(
                "a port that is none",
                base + "  resolution: DNS\n  endpoints: [{address: a.com, ports: {http: x}}]",
                "8:46 MM0206"
            ),
            Mistake(
                "endpoints from two sources",
                base + "  resolution: DNS\n  endpoints: [{address: a.com}]\n  workloadSelector: {labels: {a: b}}",
                "9:3 MM0214"
            ),
            Mistake("a host that is a pattern", "  hosts: [\"*.a.com\"]\n  ports: [{number: 80}]", "5:11 MM0210"),
            Mistake("a port without a number", "  hosts: [a.com]\n  ports: [{name: http}]", "6:11 MM0201"),
            Mistake("virtual addresses", base + "  addresses: [192.0.2.9]", "7:3 MM0210"),
            Mistake(
                "a network",
                base + "  resolution: DNS\n  endpoints: [{address: a.com, network: n}]",
                "8:32 MM0210"
            ),
        ]
    )
    func mistakes(mistake: Mistake) {
        #expect(ManifestReading.of(Self.entry(mistake.text)).places == mistake.expected)
    }

    @Test(
        "a Service is read for its ports and its selector, and the rest is Kubernetes' affair",
        arguments: [
            Mistake(
                "complete",
                "spec: {ports: [{port: 9080, name: http, targetPort: web}], selector: {app: a}, type: X}"
            ),
            Mistake("a port without a number", "spec: {ports: [{name: http}]}", "4:16 MM0201"),
            Mistake("a port out of range", "spec: {ports: [{port: 70000}]}", "4:23 MM0206"),
            Mistake("a mistyped field of a port", "spec: {ports: [{port: 80, prot: TCP}]}", "4:27 MM0204"),
            Mistake("a selector that is no text", "spec: {selector: {app: 1}}", "4:24 MM0205"),
        ]
    )
    func service(mistake: Mistake) {
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\n\(mistake.text)\n"
        #expect(ManifestReading.of(text).places == mistake.expected)
    }
}
