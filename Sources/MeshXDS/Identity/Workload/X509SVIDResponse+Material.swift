// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension X509SVIDResponse {
    /// The most identities of a process, and the most trusted domains.
    static let maximumCount = 1000

    /// The material of one identity.
    /// - Throws: `ConfigurationError` with the field that is missing or cannot be read. It shows nothing of a key.
    func material(for spiffeID: String) throws(ConfigurationError) -> IdentityMaterial {
        guard svids.count <= Self.maximumCount, federatedBundles.count <= Self.maximumCount else {
            throw ConfigurationError(path: "svids", "are more than \(Self.maximumCount)")
        }
        guard let position = svids.firstIndex(where: { $0.spiffeID == spiffeID }) else {
            let names = svids.prefix(5).map { String($0.spiffeID.prefix(256)) }.joined(separator: ", ")
            throw ConfigurationError(path: "svids", "\(spiffeID) is not among \(names.isEmpty ? "none" : names)")
        }
        let svid = svids[position]
        let path = "svids[\(position)]"
        let chain = try Self.documents(svid.x509Svid, path + ".x509_svid")
        let key = try Self.documents(svid.x509SvidKey, path + ".x509_svid_key")
        guard key.count == 1 else { throw ConfigurationError(path: path + ".x509_svid_key", "is not one key") }
        let domain = String(spiffeID.dropFirst("spiffe://".count).prefix { $0 != "/" })
        var roots: [String: String] = [:]
        for (id, bundle) in federatedBundles {
            let name = id.hasPrefix("spiffe://") ? String(id.dropFirst("spiffe://".count)) : id
            let place = "federated_bundles[\(id.prefix(256))]"
            roots[name] = DERDocuments.pem(try Self.documents(bundle, place), label: "CERTIFICATE")
        }
        roots[domain] = DERDocuments.pem(try Self.documents(svid.bundle, path + ".bundle"), label: "CERTIFICATE")
        var material = IdentityMaterial(
            certificate: TLSCertificate(
                chain: DERDocuments.pem(chain, label: "CERTIFICATE"),
                privateKey: SecretText(DERDocuments.pem(key, label: "PRIVATE KEY"))
            ),
            roots: roots
        )
        var lists: [ArraySlice<UInt8>] = []
        for (position, list) in crl.enumerated() { lists += try Self.documents(list, "crl[\(position)]") }
        if !lists.isEmpty { material.revocationLists[domain] = DERDocuments.pem(lists, label: "X509 CRL") }
        return material
    }

    private static func documents(_ bytes: some Sequence<UInt8>, _ path: String) throws(ConfigurationError)
        -> [ArraySlice<UInt8>]
    {
        guard let documents = DERDocuments.split(Array(bytes)), !documents.isEmpty else {
            throw ConfigurationError(path: path, "is empty or not in DER")
        }
        return documents
    }
}
