// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import Testing

@testable import MeshManifests

@Suite struct ServerNameTests {
    private func compile(_ tls: String) -> Compilation {
        Compilation(
            """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: reviews, namespace: default}
            spec:
              host: reviews
              trafficPolicy:
                tls: \(tls)
            ---

            """
        )
    }

    @Test func `a name goes to the cluster, whoever must be proven`() {
        let compilation = compile("{mode: ISTIO_MUTUAL, sni: reviews.example, subjectAltNames: [a]}")
        let cluster = compilation.resources.clusters[Bookinfo.cluster("reviews")]
        #expect(cluster?.serverName == "reviews.example")
        #expect(cluster?.upstreamSecurity == .mutualTLS(acceptedIdentities: ["a"]))
        #expect(compilation.places == [])
        #expect(compile("{mode: ISTIO_MUTUAL}").resources.clusters[Bookinfo.cluster("reviews")]?.serverName == nil)
    }

    @Test func `a name without TLS has no effect, and what is no name is an error`() {
        let plaintext = compile("{mode: DISABLE, sni: reviews.example}")
        #expect(plaintext.resources.clusters[Bookinfo.cluster("reviews")]?.serverName == nil)
        #expect(plaintext.places.count == 1)
        #expect(compile("{mode: ISTIO_MUTUAL, sni: 10.0.0.1}").places.count == 1)
    }
}
