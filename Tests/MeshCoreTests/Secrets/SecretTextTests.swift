// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite("A secret text")
struct SecretTextTests {
    @Test("is printed by nobody, alone or in something")
    func printing() {
        let certificate = TLSCertificate(chain: "chain", privateKey: SecretText("geheim"))
        var dumped = ""
        dump(certificate, to: &dumped)
        let texts = [
            "\(certificate)", String(reflecting: certificate), String(describing: [certificate.privateKey]), dumped,
        ]
        #expect(texts.allSatisfy { !$0.contains("geheim") })
        #expect("\(certificate.privateKey)" == "[redacted]")
        #expect(certificate.privateKey.revealed == "geheim")
    }

    @Test("is compared by what it is")
    func equality() {
        #expect(SecretText("a") == SecretText("a"))
        #expect(SecretText("a") != SecretText("b"))
    }
}

@Suite("Delivered secrets")
struct DeliveredSecretsTests {
    private static func secrets(_ roots: String) -> TransportSecrets {
        TransportSecrets(certificate: nil, validation: PeerValidation(trustedRoots: roots))
    }

    @Test("are missing until they come, stay one object while they are the same, and may go again")
    func updates() throws {
        let place = DeliveredSecrets(SecretReference(validation: "roots"))
        let error = #expect(throws: DeliveredSecrets.Missing.self) { try place.current }
        #expect(error?.description == "the secret roots has not been delivered")
        let first = Self.secrets("a")
        place.update(.success(first))
        place.update(.success(Self.secrets("a")))
        #expect(try place.current === first)
        let second = Self.secrets("b")
        place.update(.success(second))
        #expect(try place.current === second)
        place.update(.failure(.init("gone")))
        #expect(throws: DeliveredSecrets.Missing("gone")) { try place.current }
    }

    @Test("are a part of what identifies an endpoint, and what they say is not")
    func endpointKey() {
        let reference = SecretReference(validation: "roots")
        let place = DeliveredSecrets(reference)
        let address = EndpointAddress(host: "10.0.0.1", port: 80)
        let security = Endpoint.Security.mutualTLS(acceptedIdentities: [])
        let endpoint = Endpoint(address: address, security: security, secrets: place)
        let before = EndpointKey(endpoint)
        place.update(.success(Self.secrets("a")))
        #expect(EndpointKey(Endpoint(address: address, security: security, secrets: place)) == before)
        #expect(EndpointKey(Endpoint(address: address, security: security)) != before)
        #expect(Endpoint(address: address, security: security, secrets: DeliveredSecrets(reference)) != endpoint)
    }
}
