// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import SwiftProtobuf

extension PeerValidation {
    private typealias SPIFFE = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig
    private static let readSPIFFE = ReadFields(SPIFFE.self, "trust_domains")
    private static let readDomain = ReadFields(SPIFFE.TrustDomain.self, "name", "trust_bundle")
    private static let readExtension = ReadFields(
        Envoy_Config_Core_V3_TypedExtensionConfig.self,
        "name",
        "typed_config"
    )
    /// More pins than anybody can keep in step with what is pinned.
    private static let maximumHashes = 256

    init?(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard Secret.check(message, at: path, &context) else { return nil }
        guard let names = message.acceptedNames(at: path, &context) else { return nil }
        self.init(trustedRoots: "", acceptedNames: names.exact, matchers: names.matchers)
        takesUntrusted = message.trustChainVerification == .acceptUntrusted
        checksLeafRevocationOnly = message.onlyVerifyLeafCertCrl
        let isRead =
            readRoots(message, at: path, &context) && readHashes(message, at: path, &context)
            && readLists(message, at: path, &context)
        guard isRead else { return nil }
        if takesUntrusted, matchers.isEmpty, acceptedNames.isEmpty, certificateHashes.isEmpty, keyHashes.isEmpty {
            context.reject(
                path["trust_chain_verification"],
                "takes whoever comes: neither names nor hashes are asked for"
            )
            return nil
        }
    }

    private mutating func readRoots(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        if message.hasCustomValidatorConfig {
            guard !message.hasTrustedCa else {
                context.reject(path["trusted_ca"], "stands beside a validator that has roots of its own")
                return false
            }
            return readValidator(message.customValidatorConfig, at: path["custom_validator_config"], &context)
        }
        if !message.hasTrustedCa, takesUntrusted { return true }
        guard let roots = message.trustedCa.certificates(at: path["trusted_ca"], &context) else { return false }
        trustedRoots = roots
        if let problem { context.reject(path["trusted_ca"], problem) }
        return problem == nil
    }

    /// Envoy's validator of SPIFFE IDs. The TLS library does not say which root a chain has led to, so that several domains
    /// could speak for each other: one is taken.
    private mutating func readValidator(
        _ message: Envoy_Config_Core_V3_TypedExtensionConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        guard !context.rejectOthers(in: message, at: path, read: Self.readExtension) else { return false }
        let type = typeName(ofTypeURL: message.typedConfig.typeURL)
        let path = path["typed_config"]
        guard type == SPIFFE.protoMessageName else {
            context.reject(path, "the validator \(type) is not supported")
            return false
        }
        guard let config = context.unpack(message.typedConfig, as: SPIFFE.self, at: path),
            !context.rejectOthers(in: config, at: path, read: Self.readSPIFFE)
        else { return false }
        guard let domain = config.trustDomains.first, config.trustDomains.count == 1 else {
            context.reject(path["trust_domains"], "must be one trust domain, are \(config.trustDomains.count)")
            return false
        }
        let place = path["trust_domains", 0]
        guard !context.rejectOthers(in: domain, at: place, read: Self.readDomain) else { return false }
        guard (try? SPIFFEID("spiffe://\(domain.name)"))?.path.isEmpty == true else {
            context.reject(place["name"], "is no trust domain")
            return false
        }
        guard let roots = domain.trustBundle.certificates(at: place["trust_bundle"], &context) else { return false }
        trustedRoots = roots
        trustDomain = domain.name
        if let problem { context.reject(place["trust_bundle"], problem) }
        return problem == nil
    }

    private mutating func readHashes(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        guard message.verifyCertificateHash.count + message.verifyCertificateSpki.count <= Self.maximumHashes else {
            context.reject(path["verify_certificate_hash"], "must be at most \(Self.maximumHashes) hashes")
            return false
        }
        for (position, text) in message.verifyCertificateHash.enumerated() {
            let hash = String(text.filter { $0 != ":" }).lowercased()
            guard hash.utf8.count == 64, hash.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else {
                context.reject(path["verify_certificate_hash", position], "must be 32 bytes in hexadecimal")
                return false
            }
            certificateHashes.append(hash)
        }
        for (position, text) in message.verifyCertificateSpki.enumerated() {
            guard let bytes = Base64.decoded(text), bytes.count == 32 else {
                context.reject(path["verify_certificate_spki", position], "must be 32 bytes in Base64")
                return false
            }
            keyHashes.append(text)
        }
        return true
    }

    private mutating func readLists(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        guard message.hasCrl else { return true }
        guard let text = message.crl.certificates(at: path["crl"], &context) else { return false }
        do {
            _ = try IssuerRevocations(pem: text)
        } catch {
            context.reject(path["crl"], error.description)
            return false
        }
        revocationLists = text
        return true
    }
}

extension Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext {
    init(_ validation: PeerValidation) {
        self.init()
        if let domain = validation.trustDomain {
            let config = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig.with {
                $0.trustDomains = [
                    .with {
                        $0.name = domain
                        $0.trustBundle.inlineString = validation.trustedRoots
                    }
                ]
            }
            customValidatorConfig.name = "envoy.tls.cert_validator.spiffe"
            // A message of two texts can always be written.
            if let packed = try? Google_Protobuf_Any(packing: config) { customValidatorConfig.typedConfig = packed }
        } else if !validation.trustedRoots.isEmpty {
            trustedCa.inlineString = validation.trustedRoots
        }
        set(AcceptedNames(exact: validation.acceptedNames, matchers: validation.matchers))
        if let lists = validation.revocationLists { crl.inlineString = lists }
        onlyVerifyLeafCertCrl = validation.checksLeafRevocationOnly
        verifyCertificateHash = validation.certificateHashes
        verifyCertificateSpki = validation.keyHashes
        if validation.takesUntrusted { trustChainVerification = .acceptUntrusted }
    }
}
