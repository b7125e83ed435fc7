// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HummingbirdCore
import HummingbirdHTTP2
import HummingbirdTLS
public import MeshCore
import MeshHTTP
public import MeshIdentity
public import ServiceMesh

extension HTTPServerBuilder {
    /// A server that is protected as the mesh's configuration wants it (`Listener.InboundSecurity`): mutual TLS, plaintext,
    /// or both on one port, over HTTP/1.1 and HTTP/2, and another way while it runs when the configuration changes.
    ///
    /// Connections that would not be taken any more are ended gracefully. While there is no configuration, and where no
    /// listener is for the address, all have mutual TLS. Each refused caller is told to the mesh's observers.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - address: Where the server listens; the inbound listener of that address applies.
    ///   - identity: Who this server is.
    public static func inMesh(_ mesh: Mesh, address: EndpointAddress, identity: WorkloadIdentity) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            MeshServerChannel(
                InboundStack(mesh: mesh, address: address),
                own: ServerTransportSecurity { try identity.makeServerHandler() },
                responder: responder
            )
        }
    }

    /// A server that speaks the mesh's mutual TLS: callers prove a SPIFFE identity, plaintext is refused.
    ///
    /// The server's own certificate follows the identity's rotation; connections that exist are kept. Floods of HTTP/2
    /// (resets, CONTINUATION, pings) are bounded by swift-nio-http2's defaults, which Hummingbird does not let one change.
    /// - Parameters:
    ///   - identity: Who this server is.
    ///   - offersHTTP2: Whether HTTP/2 is offered by ALPN; callers that do not take it get HTTP/1.1. Default `true`.
    /// - Throws: What building the TLS context throws.
    public static func mutualTLS(_ identity: WorkloadIdentity, offersHTTP2: Bool = true) throws -> HTTPServerBuilder {
        guard offersHTTP2 else {
            let tls = identity.makeServerTLSConfiguration()
            return try .tls(
                .http1(),
                configuration: HummingbirdTLS.TLSChannelConfiguration(
                    tlsConfiguration: tls.configuration,
                    customVerificationCallback: tls.verify
                )
            )
        }
        let tls = identity.makeServerTLSConfiguration(applicationProtocols: ["h2", "http/1.1"])
        return try .http2Upgrade(
            tlsChannelConfiguration: HummingbirdHTTP2.TLSChannelConfiguration(
                tlsConfiguration: tls.configuration,
                customVerificationCallback: tls.verify
            ),
            // A connection that nobody uses is not kept for ever, and none outlives a drain for long.
            configuration: .init(idleTimeout: .seconds(3600), gracefulCloseTimeout: .seconds(30))
        )
    }
}
