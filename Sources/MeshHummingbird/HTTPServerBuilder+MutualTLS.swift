// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HummingbirdCore
import HummingbirdTLS
public import MeshIdentity

extension HTTPServerBuilder {
    /// An HTTP/1.1 server that speaks the mesh's mutual TLS: callers prove a SPIFFE identity, plaintext is refused.
    ///
    /// The server's own certificate follows the identity's rotation; connections that exist are kept.
    /// - Parameter identity: Who this server is.
    /// - Throws: What building the TLS context throws.
    public static func mutualTLS(_ identity: WorkloadIdentity) throws -> HTTPServerBuilder {
        let tls = identity.makeServerTLSConfiguration()
        return try .tls(
            .http1(),
            configuration: TLSChannelConfiguration(
                tlsConfiguration: tls.configuration,
                customVerificationCallback: tls.verify
            )
        )
    }
}
