// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What stands behind a bulkhead's lock: its machine, and where those who wait are to be woken.
///
/// A call joins the machine's queue before it suspends, so that its place may come (or its wait end) in between:
/// `arriving` becomes `settled`, and the call does not suspend at all. Whoever takes a waiter out of the machine settles
/// it, and a waiter is taken out once; so every continuation is resumed exactly once.
struct BulkheadRoom: Sendable {
    typealias WaiterID = BulkheadStateMachine.WaiterID

    enum Verdict: Sendable {
        case admitted
        case refused(PolicyDecision.Reason)
        case cancelled
    }

    typealias Sleeper = UnsafeContinuation<Verdict, Never>

    private enum Seat {
        case arriving
        case waiting(Sleeper)
        case settled(Verdict)
    }

    var machine: BulkheadStateMachine
    private var seats: [WaiterID: Seat] = [:]

    init(_ machine: BulkheadStateMachine) {
        self.machine = machine
    }

    /// A call has joined the queue.
    mutating func waiterJoined(_ id: WaiterID) {
        seats[id] = .arriving
    }

    /// A call is about to suspend.
    /// - Returns: What was decided in the meantime; `nil` if it has to wait.
    mutating func waiterSuspends(_ id: WaiterID, _ sleeper: Sleeper) -> Verdict? {
        if case .settled(let verdict) = seats[id] {
            seats[id] = nil
            return verdict
        }
        seats[id] = .waiting(sleeper)
        return nil
    }

    /// It is decided what becomes of a call that has left the queue.
    /// - Returns: Whom to wake, outside the lock; `nil` if the call has not suspended yet.
    mutating func settle(_ id: WaiterID, _ verdict: Verdict) -> Sleeper? {
        guard case .waiting(let sleeper) = seats[id] else {
            seats[id] = .settled(verdict)
            return nil
        }
        seats[id] = nil
        return sleeper
    }

    /// How many calls are somewhere between joining and hearing their verdict; for tests.
    var seatCount: Int { seats.count }
}
