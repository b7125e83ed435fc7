// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshIdentity
import NIOCore
import NIOEmbedded
import NIOSSL

/// A client and a server that are connected in memory and speak TLS.
struct TLSPair {
    let client = NIOAsyncTestingChannel()
    let server = NIOAsyncTestingChannel()

    /// Connects a client of one identity with a server of another.
    init(client clientIdentity: WorkloadIdentity, accepting: [String] = [], server serverTLS: ServerTLS) async throws {
        let context = try NIOSSLContext(configuration: serverTLS.configuration)
        let (client, server) = (client, server)
        try await server.testingEventLoop.executeInContext {
            try server.pipeline.syncOperations.addHandler(
                NIOSSLServerHandler(context: context, customVerificationCallback: serverTLS.verify)
            )
        }
        try await client.testingEventLoop.executeInContext {
            try client.pipeline.syncOperations.addHandler(
                clientIdentity.makeClientHandler(acceptedIdentities: accepting)
            )
        }
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        for channel in [server, client] {
            channel.connect(to: address, promise: nil)
            await channel.testingEventLoop.run()
        }
    }

    /// Sends a text through the connection, shaking hands first.
    /// - Returns: What arrived; `nil` if one side refused the other and closed.
    func deliver(_ text: String) async throws -> String? {
        client.writeAndFlush(ByteBuffer(string: text), promise: nil)
        while true {
            do {
                for (from, to) in [(client, server), (server, client)] {
                    await from.testingEventLoop.run()
                    while let bytes = try await from.readOutbound(as: ByteBuffer.self) {
                        try await to.writeInbound(bytes)
                    }
                }
            } catch {
                return nil
            }
            if let received = try await server.readInbound(as: ByteBuffer.self) { return String(buffer: received) }
            guard client.isActive, server.isActive else { return nil }
            // The verdicts are given by tasks; this lets them run.
            await Task.yield()
        }
    }
}
