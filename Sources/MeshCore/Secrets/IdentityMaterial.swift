// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An identity as it comes from outside of the process, with its key: from files, from an agent on the same machine, from
/// a control plane.
///
/// The key is as hidden as that of `TLSCertificate`. Identities whose key is made in the process never take this form.
public struct IdentityMaterial: Hashable, Sendable {
    /// The certificate that names the workload, and its key.
    public var certificate: TLSCertificate
    /// The certificates that peers are judged by, as PEM, for each trust domain.
    public var roots: [String: String]
    /// The revocation lists that peers are checked against, as PEM, for each trust domain that has some.
    public var revocationLists: [String: String]

    /// Creates a material.
    public init(
        certificate: TLSCertificate,
        roots: [String: String],
        revocationLists: [String: String] = [:]
    ) {
        self.certificate = certificate
        self.roots = roots
        self.revocationLists = revocationLists
    }
}
