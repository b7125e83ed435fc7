// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOPosix
import Testing

extension LoopbackServer {
    /// A port of the loopback interface that nobody listens on any more: it is given back before this returns.
    static func closedPort() async throws -> UInt16 {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = listener.localAddress?.port.flatMap { UInt16(exactly: $0) }
        try await listener.close().get()
        return try #require(port)
    }
}
