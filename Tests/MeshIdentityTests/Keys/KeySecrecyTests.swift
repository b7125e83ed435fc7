// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import MeshCore
import MeshSecurity
import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

/// No private key appears in what anybody prints, dumps or logs, whatever holds it.
@Suite struct KeySecrecyTests {
    /// Everything that people see of a value: as text, as text for debugging, and as a dump of all that a mirror shows.
    private func shown(_ value: some Any) -> String {
        var text = "\(value) \(String(reflecting: value)) "
        dump(value, to: &text)
        return text
    }

    /// The forms in which a key could leak: PEM, its Base64, its bytes in decimal and hexadecimal digits.
    private func forms(of pem: String) throws -> [String] {
        let document = try PEMDocument(pemString: pem)
        // The secret number of a key on P-256 in PKCS #8 stands in these bytes.
        let secret = document.derBytes[36..<52]
        let base64 = pem.split(separator: "\n").dropFirst().prefix(1).map { String($0.prefix(40)) }
        return base64 + [
            "PRIVATE KEY",
            secret.map { "\($0)" }.joined(separator: ", "),
            secret.map { String($0, radix: 16) }.joined(),
            secret.map { "- \($0)" }.joined(separator: "\n"),
        ]
    }

    @Test func `a key is found by what this test looks for`() throws {
        let key = P256.Signing.PrivateKey()
        let leaky = (pem: key.pemRepresentation, bytes: try PEMDocument(pemString: key.pemRepresentation).derBytes)
        let text = shown(leaky)
        let found = try forms(of: key.pemRepresentation).filter { text.contains($0) }
        #expect(found.count >= 3)
    }

    @Test func `whatever holds a key shows nothing of it`() async throws {
        let authority = try TestAuthority()
        let request = try CertificateRequest(for: SPIFFEID(TestAuthority.reviews))
        let identity = WorkloadIdentity(spiffeID: request.spiffeID)
        try await identity.install(authority.answer(request), answering: request)
        let material = try authority.material()
        let given = WorkloadIdentity(spiffeID: request.spiffeID)
        try await given.install(material)
        let made = try forms(of: request.key.revealed.revealed)
        let outside = try forms(of: material.certificate.privateKey.revealed)
        let exported = try identity.materialForLocalProxy()
        #expect(exported.certificate.privateKey.revealed == request.key.revealed.revealed)
        let values: [Any] = [
            request, request.key, identity, try identity.current(), try identity.current().key, exported,
            material, material.certificate, given, try given.current(),
            try IdentityKey(material.certificate.privateKey),
            IdentityRotation(identity: identity, issuer: Refusing()),
            Secretive(key: request.key, material: material),
        ]
        for value in values {
            let text = shown(value)
            for form in made + outside { #expect(!text.contains(form), "\(type(of: value)) shows its key") }
        }
    }

    @Test func `errors show nothing of a key`() async throws {
        let authority = try TestAuthority()
        var material = try authority.material()
        let good = material.certificate.privateKey.revealed
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(TestAuthority.reviews))
        for damaged in [String(good.dropLast(60)), good + good, good.replacingPrefix(of: 5), ""] {
            material.certificate.privateKey = SecretText(damaged)
            do {
                try await identity.install(material)
                Issue.record("a damaged key was taken")
            } catch {
                let text = shown(error)
                for form in try forms(of: good) where form != "PRIVATE KEY" { #expect(!text.contains(form)) }
            }
        }
    }

    private struct Refusing: CertificateIssuer {
        func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String] { throw CancellationError() }
    }

    /// As an app may keep them.
    private struct Secretive {
        var key: WorkloadKey
        var material: IdentityMaterial
    }
}

extension String {
    fileprivate func replacingPrefix(of count: Int) -> String { "-----" + dropFirst(count + 5) }
}
