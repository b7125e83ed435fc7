// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOPosix

/// Addresses, each with its port, that are to be tried in exactly this order by NIO's Happy Eyeballs.
///
/// NIO takes the families by turns and begins with version 6. Here the order is known already, so all of them are the
/// answer to one question, and the other has none: whatever a family's answer holds is tried as it comes.
struct GivenAddresses: Resolver, Sendable {
    let addresses: [SocketAddress]
    let loop: any EventLoop

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture([])
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture(addresses)
    }

    func cancelQueries() {}
}
