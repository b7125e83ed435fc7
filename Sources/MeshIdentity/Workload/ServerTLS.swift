// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import NIOCore
public import NIOSSL

/// What a server needs to speak the mesh's mutual TLS: a configuration and the verdict on clients' certificates.
///
/// Both parts go to the server together; a server that takes only the configuration refuses every client, because no
/// root is trusted there.
public struct ServerTLS: Sendable {
    /// Asks every client for a certificate and presents the identity's latest one in each handshake.
    public let configuration: TLSConfiguration
    /// Decides on a client's certificates.
    public let verify: @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void
}
