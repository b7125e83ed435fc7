// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension ResourceGenerator {
    mutating func secretReference() -> SecretReference {
        SecretReference(certificate: chance() ? "secret 0" : nil, validation: "secret \(below(2))")
    }

    mutating func secret(_ name: String) -> Secret {
        guard chance() else {
            return Secret(name: name, content: .certificate(pick([TestCertificates.first, TestCertificates.server])))
        }
        let names = list(0...2) { "spiffe://mesh.test/\($0.below(3))" } + (chance() ? ["server.test"] : [])
        let roots = pick([TestCertificates.authority, TestCertificates.stranger])
        return Secret(name: name, content: .validation(PeerValidation(trustedRoots: roots, acceptedNames: names)))
    }
}
