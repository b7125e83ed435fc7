// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How far a server is with its end, and who waits for which step of it.
///
/// ```
///   serving ──beginDraining──▶ draining ──beginStopping──▶ stopping
///      └─────────────────beginStopping─────────────────────▲
/// ```
/// Steps are never taken back. Idleness is no step: it comes and goes, and whoever waits for it gets its next moment.
struct ServerDrainStateMachine: Equatable {
    /// What can be waited for.
    enum Milestone: Equatable {
        case draining
        case stopping
        case idle
    }

    private(set) var phase = ServerDrain.Phase.serving
    private var waiting: [UInt64: Milestone] = [:]

    /// Whether somebody waits for the last request to end.
    var isIdleAwaited: Bool { waiting.values.contains(.idle) }

    /// The server begins to leave.
    /// - Returns: Who waited for that.
    mutating func drainingBegan() -> [UInt64] {
        guard phase == .serving else { return [] }
        phase = .draining
        return take(.draining)
    }

    /// The server takes nothing new.
    /// - Returns: Who waited for that.
    mutating func stoppingBegan() -> [UInt64] {
        guard phase != .stopping else { return [] }
        phase = .stopping
        return (take(.draining) + take(.stopping)).sorted()
    }

    /// No request is under way.
    /// - Returns: Who waited for that.
    mutating func becameIdle() -> [UInt64] { take(.idle) }

    /// Somebody waits for a milestone.
    /// - Returns: Whether it has to wait.
    mutating func awaited(_ milestone: Milestone, by waiter: UInt64, isIdle: Bool) -> Bool {
        let isReached =
            switch milestone {
            case .draining: phase != .serving
            case .stopping: phase == .stopping
            case .idle: isIdle
            }
        if !isReached { waiting[waiter] = milestone }
        return !isReached
    }

    /// Somebody waits no more.
    mutating func gaveUp(_ waiter: UInt64) {
        waiting[waiter] = nil
    }

    private mutating func take(_ milestone: Milestone) -> [UInt64] {
        let reached = waiting.filter { $0.value == milestone }.keys.sorted()
        for waiter in reached { waiting[waiter] = nil }
        return reached
    }
}
