// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How long a connection may take until its next request is there.
///
/// ```
///   opening ──────────head──────────▶ serving ──responseEnded──▶ idle
///   (header timeout, from accepting)     ▲                        │ bytes
///                                        └────head──── reading ◀──┘
///                                               (header timeout)
/// ```
struct ConnectionPatienceStateMachine: Equatable {
    /// What to do when the alarm has rung.
    enum Firing: Equatable {
        /// Nobody waits.
        case nothing
        /// It was too early: set the alarm again.
        case rearm(at: MeshInstant)
        /// The connection has had its time.
        case close
    }

    private enum State: Equatable {
        case opening, serving, idle, reading, handedOver
    }

    let headerTimeout: Nanoseconds
    let idleTimeout: Nanoseconds
    private var state = State.opening
    private var limit: MeshInstant?
    private var armed: MeshInstant?

    init(headerTimeout: Nanoseconds, idleTimeout: Nanoseconds) {
        self.headerTimeout = headerTimeout
        self.idleTimeout = idleTimeout
    }

    /// Whether a request may come at any moment, and none has begun.
    var isUnused: Bool { state == .opening || state == .idle }
    /// Whether bytes begin a request.
    var isIdle: Bool { state == .idle }

    /// The connection is there.
    /// - Returns: When to set the alarm to; `nil` leaves it as it is. So for all events.
    mutating func opened(at now: MeshInstant) -> MeshInstant? {
        want(now.advanced(by: headerTimeout))
    }

    /// Bytes have come in.
    mutating func bytesArrived(at now: MeshInstant) -> MeshInstant? {
        guard state == .idle else { return nil }
        state = .reading
        return want(now.advanced(by: headerTimeout))
    }

    /// A request's head is complete.
    mutating func headReceived() {
        guard state != .handedOver else { return }
        state = .serving
        limit = nil
    }

    /// The response is complete, and the request too.
    mutating func responseEnded(at now: MeshInstant) -> MeshInstant? {
        guard state == .serving else { return nil }
        state = .idle
        return want(now.advanced(by: idleTimeout))
    }

    /// Somebody else watches over the connection from now on.
    mutating func handedOver() {
        state = .handedOver
        limit = nil
    }

    /// The alarm has rung.
    mutating func fired(at now: MeshInstant) -> Firing {
        armed = nil
        guard let limit else { return .nothing }
        guard now < limit else { return .close }
        armed = limit
        return .rearm(at: limit)
    }

    /// An alarm that is set for earlier is left to ring too early: cheaper than to set one with each request.
    private mutating func want(_ instant: MeshInstant) -> MeshInstant? {
        limit = instant
        if let armed, armed <= instant { return nil }
        armed = instant
        return instant
    }
}
