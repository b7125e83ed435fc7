// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix

/// Addresses that somebody has looked up, for a connection that is to be made to one of them: both families are tried in
/// turns, each in its order (RFC 8305).
struct KnownAddresses: Resolver, Sendable {
    let addresses: [IPAddress]
    let loop: any EventLoop

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        answer(port, isVersion6: false)
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        answer(port, isVersion6: true)
    }

    func cancelQueries() {}

    private func answer(_ port: Int, isVersion6: Bool) -> EventLoopFuture<[SocketAddress]> {
        let wanted = addresses.filter { $0.isVersion6 == isVersion6 }
        return loop.makeSucceededFuture(
            wanted.compactMap { try? SocketAddress(ipAddress: $0.description, port: port) }
        )
    }
}
