// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// Whether the last good configuration of an earlier process is put in force, without I/O.
///
/// ```
/// waiting ── the time is over, or was, when the file has been read ──▶ restored
///    │                                                                    │
///    └──────────── the control plane brings a configuration ─────────────▶ live
/// ```
struct LastKnownGoodStateMachine {
    /// A configuration from the file.
    struct Restored: Hashable, Sendable {
        var resources: MeshResources
        /// How old it is.
        var age: Nanoseconds
    }

    private enum State {
        case waiting(Restored?)
        case restored(since: MeshInstant, age: Nanoseconds)
        case live
    }

    private let patience: Nanoseconds
    private var deadline: MeshInstant?
    private var state = State.waiting(nil)

    /// Creates a machine.
    /// - Parameter patience: How long the control plane is waited for.
    init(patience: Nanoseconds) {
        self.patience = patience
    }

    /// The source has begun to follow its control plane.
    mutating func started(at now: MeshInstant) {
        deadline = deadline ?? now.advanced(by: patience)
    }

    /// When `timePassed` has something to do; `nil` for never.
    var nextDeadline: MeshInstant? {
        guard case .waiting = state else { return nil }
        return deadline
    }

    /// How old the configuration in force is, if it is from the file.
    func age(at now: MeshInstant) -> Nanoseconds? {
        guard case .restored(let since, let age) = state else { return nil }
        return Nanoseconds(rawValue: age.rawValue &+ now.elapsed(since: since).rawValue)
    }

    /// The file has been read.
    /// - Returns: What to put in force, if anything.
    mutating func fileRead(_ restored: Restored, at now: MeshInstant) -> Restored? {
        guard case .waiting = state else { return nil }
        state = .waiting(restored)
        return timePassed(at: now)
    }

    /// Time has passed.
    /// - Returns: What to put in force, if anything.
    mutating func timePassed(at now: MeshInstant) -> Restored? {
        guard let deadline, now >= deadline, case .waiting(let restored?) = state else { return nil }
        state = .restored(since: now, age: restored.age)
        return restored
    }

    /// The control plane has brought a configuration.
    mutating func configurationReceived() {
        state = .live
    }
}
