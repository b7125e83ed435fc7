// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import MeshIdentity
import MeshSecurity
import SwiftASN1
import X509

/// The authority of one run: its key lies in the run's folder, so that each process certifies its own keys by it.
struct BenchmarkAuthority {
    /// Whom the callers prove to be, and the proxy that calls for them.
    static let client = "spiffe://cluster.local/ns/default/sa/client"
    /// Whom the server proves to be, and the proxy in front of it.
    static let server = "spiffe://cluster.local/ns/default/sa/orders"

    private static let file = "authority.pem"

    private let folder: URL
    private let key: Certificate.PrivateKey
    private let root: Certificate

    /// Makes an authority and keeps it in a folder.
    static func make(in folder: String) throws -> BenchmarkAuthority {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName { CommonName("benchmarks-e2e") }
        let root = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -3600),
            notValidAfter: Date(timeIntervalSinceNow: 86_400),
            issuer: name,
            subject: name,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://cluster.local")])
            },
            issuerPrivateKey: key
        )
        let authority = BenchmarkAuthority(folder: URL(filePath: folder), key: key, root: root)
        _ = try authority.write([key.serializeAsPEM(), root.serializeAsPEM()], to: file)
        return authority
    }

    /// Reads the authority that was made in a folder.
    init(in folder: String) throws {
        self.folder = URL(filePath: folder)
        let text = try String(contentsOf: self.folder.appending(path: Self.file), encoding: .utf8)
        let documents = try PEMDocument.parseMultiple(pemString: text)
        guard documents.count == 2 else { throw HarnessError("\(folder) has no key with its certificate") }
        self.key = try Certificate.PrivateKey(pemDocument: documents[0])
        self.root = try Certificate(pemDocument: documents[1])
    }

    private init(folder: URL, key: Certificate.PrivateKey, root: Certificate) {
        self.folder = folder
        self.key = key
        self.root = root
    }

    /// Certifies a key that this process makes, as the mesh takes it.
    func identity(_ name: String) async throws -> WorkloadIdentity {
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(name))
        let request = try CertificateRequest(for: identity.spiffeID)
        let leaf = try certificate(of: CertificateSigningRequest(pemEncoded: request.pem).publicKey, naming: name)
        let chain = try [leaf, root].map { try $0.serializeAsPEM().pemString }
        try await identity.install(chain, answering: request)
        return identity
    }

    /// Certifies a key for a proxy, in files as proxies take them.
    func proxyIdentity(_ name: String) throws -> ProxyIdentity {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let leaf = try certificate(of: key.publicKey, naming: name)
        let account = name.split(separator: "/").last ?? ""
        return ProxyIdentity(
            certificate: try write([leaf.serializeAsPEM(), key.serializeAsPEM()], to: "proxy-\(account).pem"),
            roots: try write([root.serializeAsPEM()], to: "roots.pem")
        )
    }

    private func certificate(of key: Certificate.PublicKey, naming name: String) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key,
            notValidBefore: Date(timeIntervalSinceNow: -60),
            notValidAfter: root.notValidAfter,
            issuer: root.subject,
            subject: DistinguishedName(),
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                Critical(SubjectAlternativeNames([.uniformResourceIdentifier(name)]))
            },
            issuerPrivateKey: self.key
        )
    }

    /// Writes a file that nobody else may read, since most of them have a key.
    private func write(_ documents: [PEMDocument], to file: String) throws -> String {
        let path = folder.appending(path: file).path
        let text = documents.map { $0.pemString + "\n" }.joined()
        guard
            FileManager.default.createFile(
                atPath: path,
                contents: Data(text.utf8),
                attributes: [.posixPermissions: 0o600]
            )
        else { throw HarnessError("\(path) cannot be written") }
        return path
    }
}
