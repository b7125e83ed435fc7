// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Decides which connection carries which request to one endpoint.
///
/// A connection has a capacity: one request at a time with HTTP/1.1, as many as the peer allows with HTTP/2. It belongs
/// to one event loop, and a request that runs on a loop gets a connection of that loop if one has room or may be made;
/// only at the limit does it take another loop's. The limits hold for the endpoint as a whole, which is why one machine
/// looks after all loops.
///
/// ```
///            dial                 ready
///   (none) ───────▶ dialing ────────────────▶ ready ◀──┐ leased, released
///                      │ failed                 │ └────┘
///                      ▼                        ▼ timed out, condemned, announced by the peer
///                   (none) ◀───────────────── draining
///                                  closed
/// ```
/// The most recently used connection goes first, so that those which are not needed grow idle and time out.
struct ConnectionPoolStateMachine {
    private struct Available {
        var connection: Int
        /// Grows with every release: the largest is the most recently used.
        var stamp: UInt64
    }

    private enum Phase {
        case running, shutDown, retired
    }

    private var phase = Phase.running
    private(set) var connections = ConnectionTable<Connection>()
    private(set) var pending = PendingQueue()
    /// How many requests the connections that are being made are expected to carry.
    private(set) var dialingCapacity = 0
    /// Connections that count against the limit: all but those that are draining.
    private(set) var live = 0
    /// Requests that are on connections.
    private(set) var active = 0
    /// What the live connections can carry, those that are being made included.
    private var liveCapacity = 0
    private var available: [[Available]]
    private var nextStamp: UInt64 = 0
    private var nextConnection = 0
    private var nextLoop = 0
    private var maximumConnections = 1
    private var preconnectRatio = 1.0
    private var expectedCapacity: Int
    private var alarm: MeshInstant?

    /// What a connection of HTTP/2 is expected to carry until it says otherwise (RFC 9113 §6.5.2: no less than this).
    static let expectedStreams = 100

    /// - Precondition: `loops` is greater than zero.
    init(loops: Int, httpVersion: ConnectionOptions.HTTPVersion = .http1) {
        precondition(loops > 0)
        self.available = Array(repeating: [], count: loops)
        // Which version ALPN will find is not known: one connection at a time is made until it is.
        self.expectedCapacity = httpVersion == .http1 ? 1 : Self.expectedStreams
    }

    var isEmpty: Bool { connections.isEmpty && pending.isEmpty }
    var idleCount: Int { connections.values.count { $0.state == .ready && $0.leased == 0 } }
    /// The connections that a request would find.
    var availableConnections: [Int] { available.flatMap { $0.map(\.connection) } }
    /// Whether as many connections exist as may.
    var isAtLimit: Bool { live >= maximumConnections }

    // MARK: Requests

    /// A request wants a connection.
    /// - Parameters:
    ///   - loop: The loop that the request runs on; `nil` if it runs on none of the group's.
    ///   - endpoint: The limits in force, which a configuration push may have changed since the last request.
    mutating func requestArrived(
        _ request: UInt64,
        loop: Int?,
        deadline: Deadline,
        endpoint: Endpoint
    ) -> RequestAction {
        switch phase {
        case .shutDown: return .shutDown
        case .retired: return .retired
        case .running: break
        }
        maximumConnections = max(1, endpoint.maximumConnections)
        preconnectRatio = endpoint.connection.preconnectRatio
        let mayDial = live < maximumConnections
        // A request shares a connection of another loop at once, and its own loop gets one for those that follow. With
        // HTTP/1.1 there is nothing to share.
        let shares = expectedCapacity > 1
        if let connection = lease(of: loop, orAny: loop == nil || !mayDial || shares) {
            return .start(on: connection, dial: dialForOthers(loop: loop, leased: connection))
        }
        guard pending.count < endpoint.maximumPendingRequests else { return .overflow }
        let home = loop ?? takeTurn()
        pending.append(PendingQueue.Entry(id: request, loop: home, deadline: deadline))
        let isServed = pending.count <= dialingCapacity
        return .wait(dial: mayDial && !isServed ? dial(on: home) : nil, alarm: wantAlarm(at: deadline))
    }

    /// A waiting request gave up.
    /// - Returns: Whether it was waiting still.
    mutating func requestWithdrawn(_ request: UInt64) -> Bool {
        pending.remove(request)
    }

    /// The pool's alarm has rung.
    mutating func alarmRang(at now: MeshInstant) -> AlarmAction {
        let expired = pending.removeExpired(at: now)
        alarm = pending.earliestDeadline
        return AlarmAction(expired: expired, rearm: alarm)
    }

    // MARK: Connections

    /// A connection was made.
    mutating func connectionReady(_ connection: Int, capacity: Int) -> ConnectionAction {
        guard connections[connection]?.state == .dialing else { return .close }
        leaveDialing(connection)
        expectedCapacity = max(1, capacity)
        connections[connection]?.state = .ready
        setCapacity(capacity, of: connection)
        return offer(connection)
    }

    /// A connection could not be made.
    mutating func connectFailed(_ connection: Int) -> ConnectFailureAction {
        guard let failed = connections[connection], failed.state == .dialing else { return ConnectFailureAction() }
        leaveDialing(connection)
        remove(connection)
        var action = ConnectFailureAction()
        // Whoever has another attempt under way goes on waiting for it.
        guard pending.count > dialingCapacity, let request = pending.popFirst() else { return action }
        if let other = lease(of: nil, orAny: true) {
            action.start = request.id
            action.connection = other
        } else {
            // Without any connection to the endpoint the next attempt would most likely fail too, as much later as the
            // endpoint's timeout says: Envoy, too, fails all that wait.
            action.fail = [request.id] + (live == 0 ? pending.removeAll() : [])
        }
        action.dials = replacements()
        return action
    }

    /// An exchange ended, and its connection can carry another unless it is draining.
    mutating func connectionReleased(_ connection: Int) -> ConnectionAction {
        guard let released = connections[connection], released.leased > 0 else { return .close }
        connections[connection]?.leased -= 1
        active -= 1
        guard released.state == .ready else { return .close }
        return offer(connection, isListed: released.leased < released.capacity)
    }

    /// The peer changed how many requests a connection may carry.
    mutating func capacityChanged(_ connection: Int, to capacity: Int) -> ConnectionAction {
        guard let changed = connections[connection], changed.state == .ready else { return .park }
        expectedCapacity = max(1, capacity)
        available[changed.loop].removeAll { $0.connection == connection }
        setCapacity(capacity, of: connection)
        return offer(connection)
    }

    /// A connection takes no more requests; it closes when its last exchange has ended.
    /// - Returns: Connections to make in its place, if requests wait for them.
    mutating func connectionDraining(_ connection: Int) -> [Dial] {
        beginDraining(connection)
        return replacements()
    }

    /// A connection is gone, for whatever reason.
    /// - Returns: Connections to make in its place, if requests wait for them.
    mutating func connectionClosed(_ connection: Int) -> [Dial] {
        guard let closed = connections[connection] else { return [] }
        if closed.state == .dialing { leaveDialing(connection) }
        available[closed.loop].removeAll { $0.connection == connection }
        active -= closed.leased
        remove(connection)
        return replacements()
    }

    /// A connection was idle for too long.
    /// - Returns: Whether to close it; it may have been leased since.
    mutating func idleTimedOut(_ connection: Int) -> Bool {
        guard let state = connections[connection], state.state == .ready, state.leased == 0 else { return false }
        beginDraining(connection)
        return true
    }

    // MARK: The pool as a whole

    /// Connections that were made until now must not take another request.
    /// - Parameter idleOnly: Those with an exchange may take others.
    /// - Returns: Those that are ready: each closes when its last exchange ends.
    mutating func condemnConnections(idleOnly: Bool = false) -> [Int] {
        let condemned = connections.keys { $0.state == .ready && ($0.leased == 0 || !idleOnly) }
        for connection in condemned { beginDraining(connection) }
        return condemned
    }

    /// No more requests are taken.
    mutating func shutDown() -> ShutdownAction {
        phase = .shutDown
        return ShutdownAction(drain: condemnConnections(), fail: pending.removeAll())
    }

    /// Nobody waits for the connections that are being made; they are closed when they are ready.
    mutating func abandonDials() {
        for id in connections.keys(where: { $0.state == .dialing }) {
            leaveDialing(id)
            remove(id)
        }
    }

    /// Takes the pool out of service if nothing is left in it.
    /// - Returns: Whether it is out of service.
    mutating func retireIfEmpty() -> Bool {
        guard isEmpty else { return false }
        phase = .retired
        return true
    }

    // MARK: Private

    /// - Parameter isListed: Whether requests find the connection already.
    private mutating func offer(_ connection: Int, isListed: Bool = false) -> ConnectionAction {
        guard let state = connections[connection], state.state == .ready, phase == .running else {
            beginDraining(connection)
            return .close
        }
        var requests: [UInt64] = []
        while connections[connection]?.hasRoom ?? false, let request = pending.popFirst() {
            leaseOne(connection)
            requests.append(request.id)
        }
        let hasRoom = connections[connection]?.hasRoom ?? false
        if hasRoom, !isListed {
            nextStamp += 1
            available[state.loop].append(Available(connection: connection, stamp: nextStamp))
        } else if !hasRoom, isListed {
            available[state.loop].removeAll { $0.connection == connection }
        }
        guard !requests.isEmpty else { return .park }
        var dials = replacements()
        if dials.isEmpty, let ahead = preconnection(on: state.loop) { dials.append(ahead) }
        return .start(requests: requests, dials: dials)
    }

    private mutating func leaseOne(_ connection: Int) {
        connections[connection]?.leased += 1
        active += 1
    }

    /// Takes a place on the most recently used connection of a loop, or of any.
    private mutating func lease(of loop: Int?, orAny: Bool) -> Int? {
        if let loop, let own = lease(of: loop) { return own }
        guard orAny else { return nil }
        let recent = available.indices.max { available[$0].last?.stamp ?? 0 < available[$1].last?.stamp ?? 0 }
        return recent.flatMap { lease(of: $0) }
    }

    private mutating func lease(of loop: Int) -> Int? {
        guard let connection = available[loop].last?.connection else { return nil }
        leaseOne(connection)
        if !(connections[connection]?.hasRoom ?? false) { available[loop].removeLast() }
        return connection
    }

    /// A connection that nobody waits for yet: one on the request's own loop, or one ahead of its need.
    private mutating func dialForOthers(loop: Int?, leased: Int) -> Dial? {
        guard live < maximumConnections else { return nil }
        if let loop, connections[leased]?.loop != loop, !connections.values.contains(where: { $0.isLive(on: loop) }) {
            return dial(on: loop)
        }
        return preconnection(on: loop)
    }

    /// A connection ahead of its need: Envoy's preconnect keeps so many streams' worth of connections for each that is
    /// under way or waits.
    private mutating func preconnection(on loop: Int?) -> Dial? {
        guard preconnectRatio > 1, phase == .running, live < maximumConnections,
            Double(active + pending.count) * preconnectRatio > Double(liveCapacity)
        else { return nil }
        return dial(on: loop ?? takeTurn())
    }

    /// Connections for the requests that have no attempt of their own, as far as there is room.
    private mutating func replacements() -> [Dial] {
        guard phase == .running else { return [] }
        var dials: [Dial] = []
        while pending.count > dialingCapacity, live < maximumConnections {
            dials.append(dial(on: pending[dialingCapacity].loop))
        }
        return dials
    }

    private mutating func dial(on loop: Int) -> Dial {
        nextConnection += 1
        connections[nextConnection] = Connection(loop: loop, state: .dialing, capacity: expectedCapacity)
        dialingCapacity += expectedCapacity
        liveCapacity += expectedCapacity
        live += 1
        return Dial(connection: nextConnection, loop: loop)
    }

    private mutating func leaveDialing(_ connection: Int) {
        dialingCapacity -= connections[connection]?.capacity ?? 0
    }

    private mutating func setCapacity(_ capacity: Int, of connection: Int) {
        liveCapacity += capacity - (connections[connection]?.capacity ?? 0)
        connections[connection]?.capacity = capacity
    }

    private mutating func beginDraining(_ connection: Int) {
        guard let state = connections[connection], state.state != .draining else { return }
        if state.state == .dialing { leaveDialing(connection) }
        available[state.loop].removeAll { $0.connection == connection }
        connections[connection]?.state = .draining
        live -= 1
        liveCapacity -= state.capacity
    }

    private mutating func remove(_ connection: Int) {
        guard let removed = connections.remove(connection), removed.state != .draining else { return }
        live -= 1
        liveCapacity -= removed.capacity
    }

    private mutating func takeTurn() -> Int {
        defer { nextLoop = (nextLoop + 1) % available.count }
        return nextLoop
    }

    private mutating func wantAlarm(at deadline: Deadline) -> MeshInstant? {
        guard !deadline.isNever, alarm.map({ deadline.instant < $0 }) ?? true else { return nil }
        alarm = deadline.instant
        return alarm
    }
}
