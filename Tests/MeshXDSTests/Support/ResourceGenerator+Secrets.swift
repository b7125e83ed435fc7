// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension ResourceGenerator {
    mutating func secretReference() -> SecretReference {
        SecretReference(
            certificate: chance() ? "secret 0" : nil,
            validation: "secret \(below(2))",
            parameters: parameters()
        )
    }

    mutating func parameters() -> TLSParameters {
        guard chance(30) else { return TLSParameters() }
        return TLSParameters(
            minimumVersion: pick([nil, .tls12]),
            maximumVersion: pick([nil, .tls12, .tls13]),
            cipherSuites: pick([[], ["ECDHE-ECDSA-AES128-GCM-SHA256"]])
        )
    }

    /// Names that are not said in full: those have another place.
    mutating func names() -> [PeerNameMatcher] {
        list(0...2) { generator in
            let kind = generator.pick([PeerNameMatcher.Kind.uri, .dns, .email, .address])
            let text = "n\(generator.below(3))"
            return PeerNameMatcher(
                kind,
                generator.pick([
                    StringMatcher(.prefix(text)), StringMatcher(.suffix(text), ignoresCase: true),
                    StringMatcher(.contains(text)),
                ])
            )
        }
    }

    mutating func secret(_ name: String) -> Secret {
        guard chance() else {
            return Secret(name: name, content: .certificate(pick([TestCertificates.first, TestCertificates.server])))
        }
        let names = list(0...2) { "spiffe://mesh.test/\($0.below(3))" } + (chance() ? ["server.test"] : [])
        let roots = pick([TestCertificates.authority, TestCertificates.stranger])
        var validation = PeerValidation(trustedRoots: roots, acceptedNames: names)
        if chance(30) { validation.matchers = self.names() }
        if chance(20) { validation.trustDomain = "mesh.test" }
        if chance(20) { validation.certificateHashes = [String(repeating: "0f", count: 32)] }
        if chance(20) { validation.keyHashes = [Base64.encoded(Array(repeating: 7, count: 32))] }
        if chance(20) { validation.checksLeafRevocationOnly = true }
        return Secret(name: name, content: .validation(validation))
    }
}
