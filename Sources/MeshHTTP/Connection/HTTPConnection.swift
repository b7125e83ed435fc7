// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

/// A connection as other threads see it: an address on an event loop.
final class HTTPConnection: Sendable {
    let id: Int
    let spoken: ConnectionProtocol
    /// The endpoint as it was described when the connection was made, so that what is counted of it is counted in one place.
    let endpoint: Endpoint
    let eventLoop: any EventLoop
    private let driver: NIOLoopBound<any ConnectionDriver>

    /// Called on the loop.
    init(
        id: Int,
        spoken: ConnectionProtocol,
        endpoint: Endpoint,
        driver: any ConnectionDriver,
        eventLoop: any EventLoop
    ) {
        self.id = id
        self.spoken = spoken
        self.endpoint = endpoint
        self.eventLoop = eventLoop
        self.driver = NIOLoopBound(driver, eventLoop: eventLoop)
    }

    /// Sends a request; without a closure where the caller is on the loop already, which is the case that counts.
    func start(_ exchange: Exchange, resubmittingTo owner: any ConnectionOwner) {
        if eventLoop.inEventLoop {
            driver.value.start(exchange, resubmittingTo: owner)
        } else {
            eventLoop.execute { self.driver.value.start(exchange, resubmittingTo: owner) }
        }
    }

    /// Runs `body` on the loop: at once if the caller is there already, after one hop if not.
    func perform(_ body: @escaping @Sendable (any ConnectionDriver) -> Void) {
        if eventLoop.inEventLoop {
            body(driver.value)
        } else {
            eventLoop.execute { body(self.driver.value) }
        }
    }
}
