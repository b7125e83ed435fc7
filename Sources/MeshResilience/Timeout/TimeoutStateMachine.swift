// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which of three things came first to one timed call: its end, its time, or its caller's cancellation.
///
/// ```
///             timerFired           operationEnded
/// running ───────────────▶ expired ──────────────▶ ended
///    │ │  callerCancelled                            ▲
///    │ └─────────────────▶ cancelled ────────────────┤
///    └───────────────────────────────────────────────┘
/// ```
package struct TimeoutStateMachine: Sendable {
    private enum State: Hashable {
        case running
        case expired
        case cancelled
        case ended
    }

    /// What an operation's end means to the call.
    package enum Ending: Hashable, Sendable {
        /// It ended by itself.
        case inTime
        /// It ended when its time was up.
        case late
        /// It ended when its caller had given up.
        case unwanted
    }

    private var state = State.running

    /// Creates the state of a call that begins.
    package init() {}

    /// Whether the operation is to be cancelled: somebody has given it up and it has not ended.
    package var isGivenUp: Bool { state == .expired || state == .cancelled }

    /// The time is up.
    /// - Returns: Whether that is news, so that the operation is to be cancelled.
    package mutating func timerFired() -> Bool {
        guard state == .running else { return false }
        state = .expired
        return true
    }

    /// The caller gives up. If the time was up before, the call stays one that timed out.
    /// - Returns: Whether that is news, so that the operation is to be cancelled.
    package mutating func callerCancelled() -> Bool {
        guard state == .running else { return false }
        state = .cancelled
        return true
    }

    /// The operation has ended, by returning or by throwing.
    package mutating func operationEnded() -> Ending {
        defer { state = .ended }
        return switch state {
        case .running, .ended: .inTime
        case .expired: .late
        case .cancelled: .unwanted
        }
    }
}
