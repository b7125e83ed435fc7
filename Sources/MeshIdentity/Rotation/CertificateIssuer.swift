// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Signs certificates: a control plane, SPIRE, a cloud's authority.
///
/// Implementations give up within a bounded time and honour cancellation; they do not retry, which is the rotation's
/// business. They are called from one task at a time.
public protocol CertificateIssuer: Sendable {
    /// Has a request signed.
    /// - Parameters:
    ///   - csrPEM: A PKCS #10 request with one URI name.
    ///   - validity: How long the certificate should live; the issuer may shorten it.
    /// - Returns: PEM documents, the leaf first and the roots last.
    /// - Throws: Whatever kept it from being signed.
    func issue(csrPEM: String, validity: Nanoseconds) async throws -> [String]
}
