// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension ConnectionPoolStateMachine {
    enum ConnectionState: Equatable {
        /// It is being made, and is expected to carry so many requests.
        case dialing
        /// It takes requests as long as it has room.
        case ready
        /// It takes no more.
        case draining
    }

    struct Connection: Equatable {
        var loop: Int
        var state: ConnectionState
        /// How many requests it may carry at once; what is expected of it while it is being made.
        var capacity: Int
        /// How many it carries.
        var leased = 0

        var hasRoom: Bool { state == .ready && leased < capacity }

        /// Whether it is there for requests of a loop, now or soon.
        func isLive(on loop: Int) -> Bool {
            self.loop == loop && state != .draining
        }
    }
}
