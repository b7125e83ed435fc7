// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

@testable import MeshXDS

extension Fixtures {
    /// The same as `mesh`, with a cluster that shows the certificate `mine` and judges by `roots`.
    static func secured(by certificate: TLSCertificate = TestCertificates.first) -> MeshResources {
        var resources = mesh
        resources.clusters["c"] = Cluster(
            name: "c",
            upstreamSecurity: .mutualTLS(acceptedIdentities: ["spiffe://mesh.test/server"]),
            secrets: SecretReference(certificate: "mine", validation: "roots")
        )
        resources.secrets = [
            "mine": Secret(name: "mine", content: .certificate(certificate)),
            "roots": Secret(
                name: "roots",
                content: .validation(PeerValidation(trustedRoots: TestCertificates.authority))
            ),
        ]
        return resources
    }

    /// A certificate under a name, with the key of another one.
    static func badSecret(_ name: String) throws -> PackedResource {
        var message = Envoy_Extensions_TransportSockets_Tls_V3_Secret()
        message.name = name
        message.tlsCertificate.certificateChain.inlineString = TestCertificates.second.chain
        message.tlsCertificate.privateKey.inlineString = TestCertificates.first.privateKey.revealed
        return try packed(message)
    }
}
