// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One alarm for many instants: it is moved when it rings, not when its purpose changes.
///
/// A deadline a request would be an alarm a request, almost always cancelled. Here a new instant costs a comparison,
/// and the alarm that rings too early is set again.
struct LazyTimer: Equatable {
    /// When somebody wants to be woken.
    private(set) var wanted: MeshInstant?
    /// When the alarm rings.
    private(set) var armed: MeshInstant?

    /// What to do when the alarm has rung.
    enum Firing: Equatable {
        /// Nobody waits.
        case nothing
        /// The wanted instant has come.
        case due
        /// It was too early: set the alarm again.
        case rearm(at: MeshInstant)
    }

    /// Changes the wanted instant; `nil` wants none.
    /// - Returns: The instant to set the alarm to, in place of any set before; `nil` leaves it as it is.
    mutating func want(_ instant: MeshInstant?) -> MeshInstant? {
        wanted = instant
        guard let instant else { return nil }
        if let armed, armed <= instant { return nil }
        armed = instant
        return instant
    }

    /// The alarm has rung.
    mutating func fired(at now: MeshInstant) -> Firing {
        armed = nil
        guard let wanted else { return .nothing }
        guard now < wanted else {
            self.wanted = nil
            return .due
        }
        armed = wanted
        return .rearm(at: wanted)
    }
}
