// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshManifests

@Suite struct FileTLSTests {
    private func cluster(_ tls: String) -> Cluster? {
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
        ).resources.clusters[Bookinfo.cluster("reviews")]
    }

    @Test func `SIMPLE asks the server alone, by the system's roots or by a file's`() throws {
        let system = try #require(cluster("{mode: SIMPLE, sni: api.example}"))
        #expect(system.upstreamSecurity == .mutualTLS(acceptedIdentities: []))
        #expect(system.secrets == SecretReference(certificate: nil, validation: nil))
        #expect(system.serverName == "api.example" && system.peerNames == [])
        let file = try #require(cluster("{mode: SIMPLE, caCertificates: /etc/ca.pem, sni: api.example}"))
        #expect(file.secrets == SecretReference(certificate: nil, validation: "file-root:/etc/ca.pem"))
        #expect(file.peerNames == [PeerNameMatcher(.dns, StringMatcher(.exact("api.example")))])
        let named = try #require(cluster("{mode: SIMPLE, caCertificates: /a, subjectAltNames: [b, a]}"))
        #expect(named.peerNames == ["a", "b"].map { PeerNameMatcher(nil, StringMatcher(.exact($0))) })
        // Istio asks for the host where no name is said.
        #expect(named.serverName?.hasPrefix("reviews") == true)
    }

    @Test func `MUTUAL shows what stands in files`() throws {
        let tls =
            "{mode: MUTUAL, clientCertificate: /c.pem, privateKey: /k.pem, caCertificates: /r.pem, subjectAltNames: [a]}"
        let cluster = try #require(cluster(tls))
        #expect(cluster.secrets?.certificate == "file-cert:/c.pem~/k.pem")
        #expect(cluster.secrets?.validation == "file-root:/r.pem")
        #expect(cluster.secrets?.names.allSatisfy(SecretReference.isOfFile) == true)
    }

    @Test func `whoever answers is taken where that is said, and only there`() throws {
        let cluster = try #require(cluster("{mode: SIMPLE, caCertificates: /r.pem, insecureSkipVerify: true}"))
        #expect(cluster.secrets == SecretReference(certificate: nil, validation: nil, skipsVerification: true))
        #expect(cluster.peerNames == [])
        #expect(self.cluster("{mode: SIMPLE}")?.secrets?.skipsVerification == false)
    }
}
