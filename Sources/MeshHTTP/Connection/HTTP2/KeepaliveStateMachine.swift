// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Decides when a silent connection is asked whether it still lives, and when it is taken for dead.
///
/// What arrives is only noted, without looking at the clock; the alarm finds out whether anything did.
struct KeepaliveStateMachine: Equatable {
    /// What to do when the alarm rings.
    enum Action: Equatable {
        case nothing
        case ping
        case close
    }

    private let interval: Nanoseconds
    private let timeout: Nanoseconds
    private var hasHeard = false
    private var isAsking = false
    /// When the alarm is wanted.
    private(set) var nextAlarm = Deadline.never.instant

    /// - Parameters:
    ///   - interval: How long the connection may be silent; 0 for as long as it likes.
    ///   - timeout: How long an answer may take.
    init(interval: Nanoseconds, timeout: Nanoseconds) {
        self.interval = interval
        self.timeout = timeout
    }

    mutating func began(at now: MeshInstant) {
        guard interval > .zero else { return }
        nextAlarm = now.advanced(by: interval)
    }

    mutating func somethingArrived() {
        hasHeard = true
    }

    /// An alarm has rung, perhaps another one.
    mutating func alarmRang(at now: MeshInstant) -> Action {
        guard interval > .zero, now >= nextAlarm else { return .nothing }
        if hasHeard {
            hasHeard = false
            isAsking = false
            nextAlarm = now.advanced(by: interval)
            return .nothing
        }
        guard !isAsking else { return .close }
        isAsking = true
        nextAlarm = now.advanced(by: timeout)
        return .ping
    }
}
