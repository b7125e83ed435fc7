// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Secrets of a control plane are decoded and tried out")
struct SecretDecodingTests {
    private typealias Message = Envoy_Extensions_TransportSockets_Tls_V3_Secret

    private static func certificate() -> Message {
        .with {
            $0.name = "s"
            $0.tlsCertificate.certificateChain.inlineString = TestCertificates.first.chain
            $0.tlsCertificate.privateKey.inlineString = TestCertificates.first.privateKey.revealed
        }
    }

    private static func validation() -> Message {
        .with {
            $0.name = "s"
            $0.validationContext.trustedCa.inlineString = TestCertificates.authority
        }
    }

    private static func decode(_ message: Message) throws -> Decoded<XDSResource> {
        try ResourceDecoder().decode(try message.serializedBytes(), as: .secret)
    }

    private static func refusal(of message: Message) -> String? {
        do {
            _ = try decode(message)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("a certificate with its key, as a text or as bytes")
    func certificates() throws {
        let meant = XDSResource.secret(Secret(name: "s", content: .certificate(TestCertificates.first)))
        #expect(try Self.decode(Self.certificate()) == Decoded(meant))
        var message = Self.certificate()
        message.tlsCertificate.privateKey.inlineBytes = .init(TestCertificates.first.privateKey.revealed.utf8)
        #expect(try Self.decode(message) == Decoded(meant))
    }

    @Test("roots, with names that the peer must have one of")
    func roots() throws {
        var message = Self.validation()
        message.validationContext.matchTypedSubjectAltNames = [
            .with {
                $0.sanType = .uri
                $0.matcher.exact = "spiffe://a/b"
            }
        ]
        let validation = PeerValidation(
            trustedRoots: TestCertificates.authority,
            acceptedNames: ["spiffe://a/b"]
        )
        let meant = XDSResource.secret(Secret(name: "s", content: .validation(validation)))
        #expect(try Self.decode(message) == Decoded(meant))
    }

    @Test("names of every kind, by every comparison, and hashes, are what Envoy means, and encode as they came")
    func namesAndHashes() throws {
        var message = Self.validation()
        message.validationContext.matchTypedSubjectAltNames = [
            .with {
                $0.sanType = .uri
                $0.matcher.prefix = "spiffe://a/"
            },
            .with {
                $0.sanType = .dns
                $0.matcher.exact = "a.example"
            },
            .with {
                $0.sanType = .email
                $0.matcher.suffix = "@a.example"
            },
            .with {
                $0.sanType = .ipAddress
                $0.matcher.contains = "10."
            },
        ]
        let hash = String(repeating: "aB:", count: 31) + "aB"
        let pin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        message.validationContext.verifyCertificateHash = [hash]
        message.validationContext.verifyCertificateSpki = [pin]
        message.validationContext.trustChainVerification = .acceptUntrusted
        let validation = PeerValidation(
            trustedRoots: TestCertificates.authority,
            matchers: [
                PeerNameMatcher(.uri, StringMatcher(.prefix("spiffe://a/"))),
                PeerNameMatcher(.dns, StringMatcher(.exact("a.example"))),
                PeerNameMatcher(.email, StringMatcher(.suffix("@a.example"))),
                PeerNameMatcher(.address, StringMatcher(.contains("10."))),
            ],
            certificateHashes: [String(repeating: "ab", count: 32)],
            keyHashes: [pin],
            takesUntrusted: true
        )
        let secret = Secret(name: "s", content: .validation(validation))
        #expect(try Self.decode(message) == Decoded(XDSResource.secret(secret)))
        #expect(try Self.decode(ResourceEncoder(dialect: .own).secret(secret)) == Decoded(XDSResource.secret(secret)))
        message.validationContext.matchTypedSubjectAltNames[0].sanType = .otherName
        #expect(Self.refusal(of: message)?.contains("match_typed_subject_alt_names[0].san_type") == true)
    }

    @Test("Envoy's validator of SPIFFE IDs, for one trust domain")
    func trustDomain() throws {
        typealias SPIFFE = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig
        var config = SPIFFE.with {
            $0.trustDomains = [
                .with {
                    $0.name = "cluster.local"
                    $0.trustBundle.inlineString = TestCertificates.authority
                }
            ]
        }
        var message = Self.validation()
        message.validationContext.clearTrustedCa()
        message.validationContext.customValidatorConfig.name = "envoy.tls.cert_validator.spiffe"
        message.validationContext.customValidatorConfig.typedConfig = try Google_Protobuf_Any(packing: config)
        let validation = PeerValidation(trustedRoots: TestCertificates.authority, trustDomain: "cluster.local")
        let secret = Secret(name: "s", content: .validation(validation))
        #expect(try Self.decode(message) == Decoded(XDSResource.secret(secret)))
        #expect(try Self.decode(ResourceEncoder(dialect: .own).secret(secret)) == Decoded(XDSResource.secret(secret)))
        config.trustDomains.append(config.trustDomains[0])
        message.validationContext.customValidatorConfig.typedConfig = try Google_Protobuf_Any(packing: config)
        #expect(Self.refusal(of: message)?.contains("must be one trust domain, are 2") == true)
    }

    @Test("what no connection could use is refused, with its path and without its text")
    func refusals() throws {
        let cases: [(String, (inout Message) -> Void)] = [
            (
                "tls_certificate.private_key: is not that of the first certificate",
                {
                    $0.tlsCertificate.privateKey.inlineString = TestCertificates.second.privateKey.revealed
                }
            ),
            (
                "tls_certificate.private_key: is no private key in PEM",
                { $0.tlsCertificate.privateKey.inlineString = "x" }
            ),
            ("tls_certificate.private_key: is missing", { $0.tlsCertificate.clearPrivateKey() }),
            ("tls_certificate.private_key: must be inline", { $0.tlsCertificate.privateKey.filename = "/etc/key" }),
            (
                "tls_certificate.certificate_chain: has no certificate in PEM",
                {
                    $0.tlsCertificate.certificateChain.inlineString = "x"
                }
            ),
            (
                "tls_certificate.certificate_chain: has a private key in it",
                {
                    $0.tlsCertificate.certificateChain.inlineString += "\n" + TestCertificates.first.privateKey.revealed
                }
            ),
            ("tls_certificate.password: is not supported", { $0.tlsCertificate.password.inlineString = "geheim" }),
            ("is neither a tls_certificate nor a validation_context", { $0.type = nil }),
            ("name: is empty", { $0.name = "" }),
        ]
        for (problem, change) in cases {
            var message = Self.certificate()
            change(&message)
            let refusal = try #require(Self.refusal(of: message))
            #expect(refusal.contains(problem), "\(refusal)")
            #expect(!refusal.contains("geheim") && !refusal.contains("PRIVATE KEY"))
        }
        var message = Self.validation()
        message.validationContext.clearTrustedCa()
        #expect(Self.refusal(of: message)?.contains("validation_context.trusted_ca: is missing") == true)
    }

    @Test("what asks more of a peer is refused, what asks less has no effect and is told")
    func restrictions() throws {
        var message = Self.validation()
        message.validationContext.crl.inlineString = "x"
        message.validationContext.verifyCertificateHash = ["00"]
        let refusal = try #require(Self.refusal(of: message))
        #expect(refusal.contains("validation_context.verify_certificate_hash[0]: must be 32 bytes in hexadecimal"))
        message.validationContext.verifyCertificateHash = []
        #expect(Self.refusal(of: message)?.contains("validation_context.crl: there is no revocation list") == true)
        message = Self.validation()
        message.validationContext.maxVerifyDepth = 1
        #expect(Self.refusal(of: message)?.contains("validation_context.max_verify_depth: is not supported") == true)
        message = Self.validation()
        message.validationContext.trustChainVerification = .acceptUntrusted
        #expect(Self.refusal(of: message)?.contains("validation_context.trust_chain_verification") == true)
        message = Self.validation()
        message.validationContext.allowExpiredCertificate = true
        #expect(try Self.decode(message).ignored.map(\.path) == ["validation_context.allow_expired_certificate"])
    }

    @Test("keys of sessions and other secrets are nothing that connections here use")
    func otherKinds() throws {
        // `session_ticket_keys` and `generic_secret`, which the generated messages do not have.
        for field: UInt8 in [0x1A, 0x2A] {
            let bytes: [UInt8] = [0x0A, 1, UInt8(ascii: "s"), field, 0]
            #expect(throws: ConfigurationError.self) { try ResourceDecoder().decode(bytes, as: .secret) }
        }
    }
}
