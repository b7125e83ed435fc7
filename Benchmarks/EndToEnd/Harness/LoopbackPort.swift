// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOPosix

/// A port of 127.0.0.1 that was free a moment ago, for programs that cannot let the system choose.
enum LoopbackPort {
    static func find() throws -> UInt16 {
        let channel = try ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0)
            .wait()
        defer { try? channel.close().wait() }
        guard let port = channel.localAddress?.port else { throw HarnessError("the system gave no port") }
        return UInt16(port)
    }
}
