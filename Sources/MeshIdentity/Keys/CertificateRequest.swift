// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshSecurity
import SwiftASN1
import X509

/// A fresh key and the request (PKCS #10) for a certificate that names one workload.
///
/// Each renewal makes a new request and with it a new key, as the SPIFFE Workload API's implementations do: a key that
/// leaked once is worthless after half a certificate's life.
public struct CertificateRequest: Sendable {
    /// The identity that is asked for: the one URI in the request.
    public let spiffeID: SPIFFEID
    /// The request as PEM; it carries the public key only.
    public let pem: String

    let key: WorkloadKey

    /// Makes a key and a request signed by it.
    /// - Throws: The crypto library's error if signing fails.
    public init(for spiffeID: SPIFFEID) throws {
        let key = WorkloadKey()
        // The subject stays empty and the name is critical, as RFC 5280 §4.2.1.6 wants it then; Istio asks the same way.
        let extensions = try Certificate.Extensions {
            Critical(SubjectAlternativeNames([.uniformResourceIdentifier(spiffeID.description)]))
        }
        let request = try CertificateSigningRequest(
            version: .v1,
            subject: DistinguishedName(),
            privateKey: key.forSigning,
            attributes: CertificateSigningRequest.Attributes([
                CertificateSigningRequest.Attribute(ExtensionRequest(extensions: extensions))
            ])
        )
        self.spiffeID = spiffeID
        self.key = key
        self.pem = try request.serializeAsPEM().pemString
    }
}
