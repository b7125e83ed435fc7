// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshIdentity
import SwiftASN1
import X509

/// An authority that the operator gives in files, in PEM: an issuing one whose root is kept elsewhere, or a root.
///
/// The files are read again when they change. To change the root, first add the new one to `roots` and wait until every
/// certificate that was issued before has expired, then replace the rest, wait again, and take the old one out.
public struct AuthorityFiles: Hashable, Sendable {
    /// The file with the authority's certificate.
    public var certificate: String
    /// The file with its private key, without a password, readable for its owner alone.
    public var privateKey: String
    /// The file with the certificates above it, the nearest first, with or without a root; `nil` if there are none.
    public var chain: String?
    /// The file with the roots that workloads trust.
    public var roots: String

    /// Creates a set of files.
    public init(certificate: String, privateKey: String, chain: String? = nil, roots: String) {
        self.certificate = certificate
        self.privateKey = privateKey
        self.chain = chain
        self.roots = roots
    }

    /// The files of a folder as istiod's secret `cacerts` names them: `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem` and
    /// `root-cert.pem`.
    public init(istioFolder folder: String) {
        self.init(
            certificate: folder + "/ca-cert.pem",
            privateKey: folder + "/ca-key.pem",
            chain: folder + "/cert-chain.pem",
            roots: folder + "/root-cert.pem"
        )
    }

    /// More than any of them takes.
    private static let maximumSize = 1 << 20

    /// Reads the files.
    /// - Throws: `ConfigurationError` with the path of the one that is wrong.
    func state(trustDomain: String, now: Date) throws(ConfigurationError) -> AuthorityState {
        let key = try Self.value("privateKey", privateKey, isPrivate: true) {
            try Certificate.PrivateKey(pemEncoded: $0)
        }
        let own = try Self.value("certificate", certificate) { try CertificatePEM.certificates(in: $0) }
        let above = try chain.map { chain throws(ConfigurationError) in
            try Self.value("chain", chain) { try CertificatePEM.certificates(in: $0) }
        }
        let roots = try Self.value("roots", roots) { text in
            let roots = try CertificatePEM.certificates(in: text)
            var bundle = TrustBundle()
            for root in roots { try bundle.insert(root, trustDomain: trustDomain) }
            return roots
        }
        do {
            guard let certificate = own.first else { throw IdentityError(.malformedCertificate, "is empty") }
            let pair = try AuthorityKeyPair(key: key, certificate: certificate)
            guard certificate.notValidBefore <= now, now < certificate.notValidAfter else {
                throw IdentityError(.untrusted, "it is valid until \(certificate.notValidAfter)")
            }
            // Istio's chain begins with the authority itself.
            let chain = (own.dropFirst() + (above ?? [])).filter { $0.subject != $0.issuer && $0 != certificate }
            try Self.check([certificate] + chain, leadsTo: roots)
            return AuthorityState(
                issuers: [AuthorityState.Issuer(pair, chain: chain)],
                root: nil,
                next: nil,
                roots: roots
            )
        } catch {
            throw ConfigurationError(path: "authority", "\(certificate): \(error)")
        }
    }

    /// Each certificate is signed by the next one, and the last by a root, or is one.
    private static func check(_ chain: [Certificate], leadsTo roots: [Certificate]) throws {
        for (one, above) in zip(chain, chain.dropFirst()) {
            guard above.subject == one.issuer, above.publicKey.isValidSignature(one.signature, for: one) else {
                throw IdentityError(.mismatch, "the chain is broken below \(above.subject)")
            }
        }
        guard let last = chain.last else { return }
        let isKnown = roots.contains { root in
            root == last || root.subject == last.issuer && root.publicKey.isValidSignature(last.signature, for: last)
        }
        guard isKnown else { throw IdentityError(.untrusted, "the chain leads to none of the roots") }
    }

    private static func value<Value>(
        _ name: String,
        _ path: String,
        isPrivate: Bool = false,
        _ parse: (String) throws -> Value
    ) throws(ConfigurationError) -> Value {
        do {
            let url = URL(fileURLWithPath: path)
            if isPrivate {
                let attributes = try FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
                // A mounted secret is the group's too; nobody else's.
                guard let mode = attributes[.posixPermissions] as? NSNumber, mode.intValue & 0o027 == 0 else {
                    throw IdentityError(.untrusted, "others may read it, or its group may write it")
                }
            }
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            let bytes = try handle.read(upToCount: maximumSize) ?? Data()
            return try parse(String(decoding: bytes, as: UTF8.self))
        } catch {
            // What a parser says of a key may show some of it.
            let reason = isPrivate && !(error is IdentityError) ? "no private key in PEM that can be read" : "\(error)"
            throw ConfigurationError(path: "authority.\(name)", "\(path): \(reason)")
        }
    }
}
