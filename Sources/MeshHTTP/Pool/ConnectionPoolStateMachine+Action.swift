// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ConnectionPoolStateMachine {
    /// A connection to make.
    struct Dial: Equatable {
        var connection: Int
        var loop: Int
    }

    /// What becomes of a request that wants a connection.
    enum RequestAction: Equatable {
        /// It goes out on an idle connection.
        case start(on: Int)
        /// It waits; perhaps a connection is to be made, and perhaps the pool's alarm is to be set.
        case wait(dial: Dial?, alarm: MeshInstant?)
        /// Too many wait already.
        case overflow
        /// The pool is shut down.
        case shutDown
        /// The pool was taken out of service while it was empty: ask for a new one.
        case retired
    }

    /// What becomes of a connection that can take a request.
    enum ConnectionAction: Equatable {
        /// It carries the request that has waited longest.
        case start(request: UInt64)
        /// It waits for the next request.
        case park
        /// It is not wanted any more.
        case close
    }

    /// What follows from a connection that could not be made.
    struct ConnectFailureAction: Equatable {
        /// Requests that have no other connection to hope for.
        var fail: [UInt64] = []
        /// The request that has waited longest, which takes an idle connection of another loop instead.
        var start: UInt64?
        /// The connection that it takes.
        var connection: Int?
        /// A connection to make in its place.
        var dial: Dial?
    }

    /// What follows from the pool's alarm.
    struct AlarmAction: Equatable {
        /// Requests whose deadline has passed.
        var expired: [UInt64]
        /// When to ring again.
        var rearm: MeshInstant?
    }

    /// What follows from a shutdown.
    struct ShutdownAction: Equatable {
        /// Idle connections, to close now; busy ones follow as their exchanges end.
        var close: [Int]
        /// Requests that wait, to fail now.
        var fail: [UInt64]
    }
}
