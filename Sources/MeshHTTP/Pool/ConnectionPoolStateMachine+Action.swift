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
        /// It goes out on a connection; perhaps another one is to be made for those that follow.
        case start(on: Int, dial: Dial?)
        /// It waits; perhaps a connection is to be made, and perhaps the pool's alarm is to be set.
        case wait(dial: Dial?, alarm: MeshInstant?)
        /// Too many wait already.
        case overflow
        /// The pool is shut down.
        case shutDown
        /// The pool was taken out of service while it was empty: ask for a new one.
        case retired
    }

    /// What becomes of a connection that has room for a request.
    enum ConnectionAction: Equatable {
        /// It carries these requests, which have waited longest; perhaps connections are to be made for those that wait on.
        case start(requests: [UInt64], dials: [Dial])
        /// It waits for requests.
        case park
        /// It is not wanted any more; it ends with its last exchange.
        case close
    }

    /// What follows from a connection that could not be made.
    struct ConnectFailureAction: Equatable {
        /// Requests that have no other connection to hope for.
        var fail: [UInt64] = []
        /// The request that has waited longest, which takes a connection of another loop instead.
        var start: UInt64?
        /// The connection that it takes.
        var connection: Int?
        /// Connections to make in its place.
        var dials: [Dial] = []
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
        /// Connections to close as their exchanges end: the idle ones at once.
        var drain: [Int]
        /// Requests that wait, to fail now.
        var fail: [UInt64]
    }
}
