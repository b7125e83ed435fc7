// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftASN1
import X509

/// A request for a certificate that is one for an X.509-SVID, whose sender has proved to have the key.
struct CheckedRequest: Sendable {
    /// Far more than a request takes.
    static let maximumSize = 64 << 10

    let identity: SPIFFEID
    let publicKey: Certificate.PublicKey

    /// Checks a request. What it asks for beside one name is refused rather than left out, so that nobody believes to have
    /// got it.
    init(_ csrPEM: String) throws(SigningRefusal) {
        guard csrPEM.utf8.count <= Self.maximumSize else {
            throw .badRequest("a request has at most \(Self.maximumSize) bytes")
        }
        guard let request = try? CertificateSigningRequest(pemEncoded: csrPEM) else {
            throw .badRequest("not a PKCS #10 request in PEM")
        }
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            throw .badRequest("the request is not signed by its own key")
        }
        self.identity = try Self.identity(in: request)
        self.publicKey = request.publicKey
    }

    private static func identity(in request: CertificateSigningRequest) throws(SigningRefusal) -> SPIFFEID {
        let extensions: Certificate.Extensions?
        let names: SubjectAlternativeNames?
        do {
            extensions = try request.attributes.extensionRequest?.extensions
            names = try extensions?.subjectAlternativeNames
        } catch {
            throw .badRequest("the requested extensions cannot be parsed")
        }
        guard let names, names.count == 1, case .uniformResourceIdentifier(let uri)? = names.first else {
            throw .badRequest("a request has exactly one name, a URI; this one has \(names?.count ?? 0)")
        }
        if case .isCertificateAuthority? = try? extensions?.basicConstraints {
            throw .badRequest("authorities below this one are not made")
        }
        do {
            return try SPIFFEID(uri)
        } catch {
            throw .badRequest("the name is no SPIFFE ID: \(error)")
        }
    }
}
