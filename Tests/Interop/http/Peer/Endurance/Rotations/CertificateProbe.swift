// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshIdentity
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A connection of its own that asks for something small and looks at the certificate of its server.
struct CertificateProbe: Sendable {
    struct NoAnswer: Error {}

    let identity: WorkloadIdentity
    let server: String

    /// The serial number of the certificate that the server shows to a new connection.
    func serial(at address: EndpointAddress) async throws -> String {
        let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: address.host, port: Int(address.port ?? 0)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try identity.makeClientHandler(acceptedIdentities: [server])
                    try channel.pipeline.syncOperations.addHandler(tls)
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel
                    )
                }
            }
        return try await connection.executeThenClose { inbound, outbound in
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/b/1", headers: ["host": "probe"])
            try await outbound.write(.head(head))
            try await outbound.write(.end(nil))
            for try await part in inbound {
                if case .head(let head) = part, head.status != .ok { throw NoAnswer() }
                guard case .end = part else { continue }
                let channel = connection.channel
                return try await channel.eventLoop.submit {
                    let tls = try channel.pipeline.syncOperations.handler(type: NIOSSLHandler.self)
                    guard let certificate = tls.peerCertificate else { throw NoAnswer() }
                    return try RotationLog.serial(of: certificate)
                }.get()
            }
            throw NoAnswer()
        }
    }
}
