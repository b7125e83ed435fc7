// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import NIOCore
import NIOSSL
import Synchronization

/// The TLS contexts that are made of delivered secrets: one for each pair of names and each offer by ALPN, made when a
/// connection first needs it, and again when a secret has been replaced.
///
/// Connections keep the context that they began with, so that a new certificate costs none of them.
final class SecretContexts: Sendable {
    private struct Key: Hashable {
        var place: ObjectIdentifier
        var applicationProtocols: [String]
        var isServer: Bool
    }

    private struct Kept {
        weak var place: DeliveredSecrets?
        var secrets: TransportSecrets
        var material: Material
    }

    /// What is made of secrets.
    struct Material {
        /// What connections are made from.
        var context: NIOSSLContext
        /// What peers' names are judged by; `nil` for the library's own verdict alone.
        var validation: PeerValidation?
        /// The revocation lists; `nil` for none.
        var lists: IssuerRevocations?
        /// The subjects of the roots, as they stand there.
        var roots: Set<[UInt8]> = []
        /// What callers' certificates must say; `nil` for nothing.
        var ofCallers: PeerNames?

        /// What a peer's certificate must say; `nil` for nothing.
        func names(and others: [String] = [], _ matchers: [PeerNameMatcher] = []) -> PeerNames? {
            PeerNames(validation, lists: lists, roots: roots, and: others, matchers)
        }
    }

    /// Beyond so many contexts, those that nobody can ask for any more are looked for.
    private static let sweepAbove = 64

    private let kept = Mutex<(contexts: [Key: Kept], sweepAbove: Int)>(([:], sweepAbove))

    /// How many contexts are kept.
    var count: Int { kept.withLock { $0.contexts.count } }

    /// What callers of a server are judged by now, besides that their chains lead to the roots; `nil` for nothing, or if
    /// nobody has come yet that it was made for.
    func names(of place: DeliveredSecrets) -> PeerNames? {
        kept.withLock { kept in
            kept.contexts.first { $0.key.place == ObjectIdentifier(place) && $0.key.isServer }?.value.material.ofCallers
        }
    }

    /// The context for new connections, and what peers' names are judged by.
    /// - Throws: `DeliveredSecrets.Missing`; what the TLS library throws about secrets that it cannot use.
    func material(
        of place: DeliveredSecrets,
        offering protocols: [String],
        isServer: Bool
    ) throws -> Material {
        let secrets = try place.current
        let key = Key(place: ObjectIdentifier(place), applicationProtocols: protocols, isServer: isServer)
        if let found = kept.withLock({ $0.contexts[key] }), found.secrets === secrets { return found.material }
        // Outside of the lock: two connections may do the same at once, which costs less than that all others wait.
        let material = try Material(secrets, place.reference, offering: protocols, isServer: isServer)
        kept.withLock { kept in
            kept.contexts[key] = Kept(place: place, secrets: secrets, material: material)
            guard kept.contexts.count > kept.sweepAbove else { return }
            kept.contexts = kept.contexts.filter { $0.value.place != nil }
            kept.sweepAbove = max(Self.sweepAbove, kept.contexts.count * 2)
        }
        return material
    }
}

extension SecretContexts.Material {
    fileprivate init(
        _ secrets: TransportSecrets,
        _ reference: SecretReference,
        offering protocols: [String],
        isServer: Bool
    ) throws {
        let configuration = try TLSConfiguration(secrets, reference, offering: protocols, isServer: isServer)
        self.init(context: try NIOSSLContext(configuration: configuration), validation: secrets.validation)
        if let validation = secrets.validation, let text = validation.revocationLists {
            lists = try IssuerRevocations(pem: text)
            let certificates = try NIOSSLCertificate.fromPEMBytes(Array(validation.trustedRoots.utf8))
            roots = Set(try certificates.map { try ParsedCertificate($0).subjectBytes })
        }
        ofCallers = isServer ? names() : nil
    }
}

extension TLSConfiguration {
    /// What both ends have in common: the peer's chain must lead to the delivered roots and to no others, and its names
    /// are not looked at here. A client to which no roots were named takes the system's, and its server's name from them.
    fileprivate init(
        _ secrets: TransportSecrets,
        _ reference: SecretReference,
        offering protocols: [String],
        isServer: Bool
    ) throws {
        self = .makeClientConfiguration()
        if let certificate = secrets.certificate {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.chain.utf8))
            certificateChain = chain.map { .certificate($0) }
            let key = Array(certificate.privateKey.revealed.utf8)
            privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        } else if isServer {
            throw DeliveredSecrets.Missing("a server needs a certificate")
        }
        apply(reference.parameters)
        applicationProtocols = protocols
        guard let validation = secrets.validation else {
            if isServer || reference.skipsVerification {
                certificateVerification = .none
                trustRoots = .certificates([])
            } else {
                certificateVerification = .fullVerification
            }
            return
        }
        let takesAnybody = validation.takesUntrusted || reference.skipsVerification
        // The library asks callers for a certificate only where it verifies them.
        if isServer, takesAnybody { throw DeliveredSecrets.Missing("a server cannot take callers without their roots") }
        certificateVerification = takesAnybody ? .none : .noHostnameVerification
        let roots = validation.trustedRoots.isEmpty ? [] : Array(validation.trustedRoots.utf8)
        trustRoots = .certificates(roots.isEmpty ? [] : try NIOSSLCertificate.fromPEMBytes(roots))
    }

    /// TLS 1.2 is Envoy's lower bound for both ends, and ours for the mesh's identity.
    private mutating func apply(_ parameters: TLSParameters) {
        minimumTLSVersion = TLSVersion(parameters.minimumVersion ?? .tls12)
        maximumTLSVersion = parameters.maximumVersion.map { TLSVersion($0) }
        if !parameters.cipherSuites.isEmpty { cipherSuites = parameters.cipherSuites.joined(separator: ":") }
    }
}

extension TLSVersion {
    fileprivate init(_ version: TLSParameters.Version) {
        self =
            switch version {
            case .tls10: .tlsv1
            case .tls11: .tlsv11
            case .tls12: .tlsv12
            case .tls13: .tlsv13
            }
    }
}
