// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One exchange on a connection of HTTP/2. Lives on the connection's event loop.
final class HTTP2Stream {
    let id: Int32
    let exchange: Exchange
    var machine: HTTP2StreamStateMachine
    /// When the exchange ends, as far as it has come.
    var deadline: Deadline
    /// What the read under way has brought until now.
    var delivery = ExchangeStateMachine.Delivery()
    /// Whether the read under way has brought anything.
    var isTouched = false
    /// Whether the reader has enough for now.
    var isPaused = false
    /// Bytes that were received and whose room was not given back to the peer.
    var owed = 0
    /// The body waits for the peer's word that it wants it.
    var continueBy: MeshInstant?
    /// Whether a chunk is on its way to the socket, behind which the next one waits.
    var isWriting = false

    init(id: Int32, exchange: Exchange, machine: HTTP2StreamStateMachine) {
        self.id = id
        self.exchange = exchange
        self.machine = machine
        self.deadline = exchange.headDeadline
    }

    /// The next instant at which something is due.
    var due: MeshInstant {
        continueBy.map { min($0, deadline.instant) } ?? deadline.instant
    }
}
