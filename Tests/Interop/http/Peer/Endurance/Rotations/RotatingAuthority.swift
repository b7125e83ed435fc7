// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import MeshCore
import MeshIdentity
import SwiftASN1
import Synchronization
import X509

/// Signs whatever it is asked for, and changes its root now and then, as an operator does: first everybody learns of the
/// new root, then it signs, then the old one is forgotten.
///
/// All roots have the same name, as those of real authorities do, so that only their keys tell them apart.
final class RotatingAuthority: CertificateIssuer {
    /// How many renewals lie between the beginnings of two changes.
    static let period = 20

    private struct Root {
        let key = P256.Signing.PrivateKey()
        let certificate: Certificate
        let pem: String

        init() throws {
            let name = try DistinguishedName { CommonName("cluster.local root") }
            self.certificate = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: Certificate.PublicKey(key.publicKey),
                notValidBefore: Date(timeIntervalSinceNow: -3600),
                notValidAfter: Date(timeIntervalSinceNow: 86_400),
                issuer: name,
                subject: name,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://cluster.local")])
                },
                issuerPrivateKey: Certificate.PrivateKey(key)
            )
            self.pem = try certificate.serializeAsPEM().pemString
        }
    }

    private struct State {
        var signer: Root
        /// Everybody's bundle: the signer, and beside it the one that comes or the one that goes.
        var published: [Root]
        var changes = 0
        var serials: [String: [String]] = [:]
    }

    private let state: Mutex<State>

    init() throws {
        let root = try Root()
        self.state = Mutex(State(signer: root, published: [root]))
    }

    /// How often another root has begun to sign.
    var changes: Int { state.withLock { $0.changes } }

    /// The serial numbers of the certificates that an identity has got, in turn.
    func serials(of identity: String) -> [String] {
        state.withLock { $0.serials[identity] ?? [] }
    }

    /// Prepares a round of renewals. Every workload renews between two calls.
    func begin(round: Int) throws {
        switch round % Self.period {
        case 5:
            let root = try Root()
            state.withLock { $0.published.append(root) }
        case 10:
            state.withLock { state in
                guard let newest = state.published.last, state.published.count > 1 else { return }
                state.signer = newest
                state.changes += 1
            }
        case 15: state.withLock { $0.published = [$0.signer] }
        default: break
        }
    }

    func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String] {
        let request = try CertificateSigningRequest(pemEncoded: csrPEM)
        let names = try request.attributes.extensionRequest?.extensions.subjectAlternativeNames
        guard case .uniformResourceIdentifier(let name)? = names?.first else { throw CancellationError() }
        let (signer, published) = state.withLock { ($0.signer, $0.published) }
        let leaf = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: request.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -60),
            notValidAfter: Date(timeIntervalSinceNow: validity.seconds),
            issuer: signer.certificate.subject,
            subject: DistinguishedName(),
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                Critical(SubjectAlternativeNames([.uniformResourceIdentifier(name)]))
            },
            issuerPrivateKey: Certificate.PrivateKey(signer.key)
        )
        state.withLock { $0.serials[name, default: []].append(leaf.serialNumber.description) }
        return [try leaf.serializeAsPEM().pemString] + published.map(\.pem)
    }
}
