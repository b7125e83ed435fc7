// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@Suite struct SecretValidationTests {
    private func problems(_ resources: MeshResources) -> [String] {
        do {
            try resources.validate()
            return []
        } catch {
            return error.problems.map(\.path)
        }
    }

    private func certificate(_ chain: String, _ key: String) -> Secret {
        Secret(name: "s", content: .certificate(TLSCertificate(chain: chain, privateKey: SecretText(key))))
    }

    @Test func `a document is there and not too long`() {
        let long = String(repeating: "a", count: 1 << 20)
        #expect(problems(MeshResources(secrets: [certificate(long, "key")])) == [])
        let path = "secrets[s].certificate"
        #expect(problems(MeshResources(secrets: [certificate("", "")])) == ["\(path).chain", "\(path).privateKey"])
        #expect(problems(MeshResources(secrets: [certificate(long + "a", "key")])) == ["\(path).chain"])
        let names = Array(repeating: "n", count: 1025)
        let validation = PeerValidation(trustedRoots: "", acceptedNames: names)
        #expect(
            problems(MeshResources(secrets: [Secret(name: "s", content: .validation(validation))]))
                == ["secrets[s].validation.trustedRoots", "secrets[s].validation.acceptedNames"]
        )
    }

    @Test func `a cluster that names secrets has TLS, and may name what is not there`() {
        var cluster = Cluster(name: "c", secrets: SecretReference(validation: "roots"))
        #expect(problems(MeshResources(clusters: [cluster])) == ["clusters[c].secrets"])
        cluster.upstreamSecurity = .mutualTLS(acceptedIdentities: [])
        #expect(problems(MeshResources(clusters: [cluster])) == [])
        cluster.secrets = SecretReference(certificate: "", validation: "")
        #expect(
            problems(MeshResources(clusters: [cluster]))
                == ["clusters[c].secrets.certificate", "clusters[c].secrets.validation"]
        )
    }

    @Test func `a server that names secrets shows a certificate`() {
        func listener(_ direction: Listener.Direction, _ secrets: SecretReference) -> MeshResources {
            let routes = RouteConfiguration(name: "r", virtualHosts: [])
            let listener = Listener(name: "l", direction: direction, routes: .inline(routes), secrets: secrets)
            return MeshResources(listeners: [listener])
        }
        let inbound = Listener.Direction.inbound(address: EndpointAddress(host: "h", port: 1), security: .mutualTLS)
        let both = SecretReference(certificate: "mine", validation: "roots")
        #expect(problems(listener(inbound, both)) == [])
        #expect(problems(listener(.outbound, both)) == ["listeners[l].secrets"])
        #expect(
            problems(listener(inbound, SecretReference(validation: "roots"))) == ["listeners[l].secrets.certificate"]
        )
    }
}
