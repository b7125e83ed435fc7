// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Which secrets a TLS context means")
struct SecretReferenceTests {
    private typealias Common = Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext
    private typealias Named = Envoy_Extensions_TransportSockets_Tls_V3_SdsSecretConfig

    private static func meaning(_ common: Common) -> (MutualTLSMeaning?, [String], [String]) {
        var context = DecodingContext(registry: .standard)
        let meaning = common.meaning(at: .root, &context)
        return (meaning, context.problems.map(\.description), context.ignored.map(\.description))
    }

    @Test("a name without a source, or with an agent's, is the process's own identity")
    func ownIdentity() {
        var common = Common()
        common.tlsCertificateSdsSecretConfigs = [.with { $0.name = "default" }]
        common.combinedValidationContext.validationContextSdsSecretConfig.name = "ROOTCA"
        #expect(Self.meaning(common) == (MutualTLSMeaning(identities: [], secrets: nil), [], []))
        common.tlsCertificateSdsSecretConfigs[0].sdsConfig.apiConfigSource = .init()
        common.combinedValidationContext.validationContextSdsSecretConfig.sdsConfig.apiConfigSource = .init()
        #expect(Self.meaning(common) == (MutualTLSMeaning(identities: [], secrets: nil), [], []))
    }

    @Test("names that come over this very stream are secrets")
    func overThisStream() {
        var common = Common()
        common.tlsCertificateSdsSecretConfigs = [Named(overThisStream: "mine")]
        common.validationContextSdsSecretConfig = Named(overThisStream: "roots")
        let secrets = SecretReference(certificate: "mine", validation: "roots")
        #expect(Self.meaning(common) == (MutualTLSMeaning(identities: [], secrets: secrets), [], []))
        common.combinedValidationContext.validationContextSdsSecretConfig = Named(overThisStream: "roots")
        common.combinedValidationContext.defaultValidationContext.matchTypedSubjectAltNames = [
            .with {
                $0.sanType = .uri
                $0.matcher.exact = "spiffe://a/b"
            }
        ]
        #expect(Self.meaning(common) == (MutualTLSMeaning(identities: ["spiffe://a/b"], secrets: secrets), [], []))
        common.tlsCertificateSdsSecretConfigs.append(Named(overThisStream: "other"))
        #expect(Self.meaning(common).2 == ["tls_certificate_sds_secret_configs[1]: only the first one is shown"])
    }

    @Test(
        "a name that is no cipher suite is refused, and not asked of the TLS library",
        arguments: [
            "", "x", "\u{0}", "ALL", "ECDHE-ECDSA-AES128-GCM-SHA256:x", "[ECDHE-RSA-AES128-SHA|x]", "[]", "[",
            "AES128-SHA|AES256-SHA",
        ]
    )
    func cipherSuites(name: String) {
        var common = Common()
        common.validationContextSdsSecretConfig = Named(overThisStream: "roots")
        common.tlsParams.cipherSuites = ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]", "AES128-SHA"]
        #expect(Self.meaning(common).1 == [])
        for suites in [[name], ["AES128-SHA", name]] {
            common.tlsParams.cipherSuites = suites
            #expect(Self.meaning(common).1 == ["tls_params.cipher_suites: \"\(name)\" is no cipher suite"])
        }
    }

    @Test("roots alone are enough, a certificate alone is not, and nothing is mixed with the own identity")
    func mixtures() {
        var common = Common()
        common.validationContextSdsSecretConfig = Named(overThisStream: "roots")
        let secrets = SecretReference(validation: "roots")
        #expect(Self.meaning(common) == (MutualTLSMeaning(identities: [], secrets: secrets), [], []))
        common.tlsCertificateProviderInstance.instanceName = "default"
        #expect(Self.meaning(common).0 == nil)
        common = Common()
        common.tlsCertificateSdsSecretConfigs = [Named(overThisStream: "mine")]
        let (meaning, problems, _) = Self.meaning(common)
        #expect(meaning == nil)
        #expect(problems.first?.hasPrefix("tls_certificate_sds_secret_configs[0]: needs trusted roots") == true)
    }

    @Test("a server needs a certificate")
    func server() throws {
        var listener = Listener(
            name: "in",
            direction: .inbound(address: EndpointAddress(host: "127.0.0.1", port: 80), security: .mutualTLS),
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: [])),
            secrets: SecretReference(certificate: "mine", validation: "roots")
        )
        let packed = Fixtures.packed(MeshResources(listeners: [listener]), .listener)
        let decoded = try ResourceDecoder().decode(packed["in"]?.bytes ?? [], as: .listener)
        #expect(decoded == Decoded(.listener(listener)))
        listener.secrets = SecretReference(validation: "roots")
        let bytes = Fixtures.packed(MeshResources(listeners: [listener]), .listener)["in"]?.bytes ?? []
        #expect(throws: ConfigurationError.self) { try ResourceDecoder().decode(bytes, as: .listener) }
    }
}
