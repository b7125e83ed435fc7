// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// TLS as browsers speak it, for hosts outside the mesh: the system's roots, the host's name.
final class PublicTLS: Sendable {
    private let policy = Mutex<ClientTLS?>(nil)

    /// The policy; the first call reads the system's roots, which takes a while, on a thread that may block.
    func load(on loop: any EventLoop) -> EventLoopFuture<ClientTLS> {
        if let policy = policy.withLock({ $0 }) { return loop.makeSucceededFuture(policy) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            let made = try ClientTLS(TLSConfiguration.makeClientConfiguration())
            return self.policy.withLock { policy in
                let kept = policy ?? made
                policy = kept
                return kept
            }
        }
    }
}
