// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// A connection as other threads see it: an address on an event loop.
final class HTTP1Connection: Sendable {
    let id: Int
    let eventLoop: any EventLoop
    private let driver: NIOLoopBound<HTTP1ConnectionDriver>

    /// Called on the loop.
    init(id: Int, driver: HTTP1ConnectionDriver, eventLoop: any EventLoop) {
        self.id = id
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
    func perform(_ body: @escaping @Sendable (HTTP1ConnectionDriver) -> Void) {
        if eventLoop.inEventLoop {
            body(driver.value)
        } else {
            eventLoop.execute { body(self.driver.value) }
        }
    }
}
