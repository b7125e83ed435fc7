// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When an endpoint is asked to report its load apart from answers, and when again.
///
/// ```
/// idle ── asked ─▶ asked ── a report ─▶ following ── another ─┐
///  ▲                 │                      │ ▲───────────────┘
///  └── waiting ◀─────┴──── ended ───────────┤
///                                           └── ended: not implemented ─▶ given up
/// ```
/// The wait after an end is gRPC's connection back-off: 1 s, 1.6 times as long after each further end without a report
/// in between, 120 s at most, ±20%. gRPC for Go asks again at once after a call that brought a report; here the row of
/// waits begins anew then, so that an endpoint which ends each call after its first report is not asked without pause.
public struct LoadReportCallStateMachine: Sendable {
    /// What follows from the end of a call.
    public enum Action: Hashable, Sendable {
        /// The endpoint is asked again at that time.
        case askAgain(at: MeshInstant)
        /// The endpoint is not asked any more.
        case giveUp
    }

    /// Where the call stands.
    public enum State: Hashable, Sendable {
        /// Nobody has asked yet.
        case idle
        /// The endpoint is asked since then and has reported nothing.
        case asked(at: MeshInstant)
        /// The last report came then.
        case following(heardAt: MeshInstant)
        /// The last call has ended for that reason.
        case waiting(until: MeshInstant, reason: String)
        /// The endpoint does not implement it.
        case givenUp
    }

    private static let firstWait = 1e9
    private static let longestWait = 120e9
    private static let factor = 1.6
    private static let jitter = 0.2
    /// For how many periods, and for how long at least, an endpoint may report nothing. Ten times the least interval of
    /// gRPC's servers, which is 30 s by default.
    private static let patience = (periods: UInt64(10), least: Nanoseconds.seconds(300))

    /// How often it is to report.
    public let period: Nanoseconds
    /// Where the call stands.
    public private(set) var state = State.idle
    /// How many reports came, over all calls.
    public private(set) var reports: UInt64 = 0
    private var failures = 0

    /// Creates the state of an endpoint that was not asked yet.
    public init(period: Nanoseconds) {
        self.period = period
    }

    /// The endpoint is asked.
    public mutating func asked(at now: MeshInstant) {
        state = .asked(at: now)
    }

    /// A report came, or what should have been one: the endpoint is there.
    public mutating func reportReceived(at now: MeshInstant) {
        if reports < .max { reports += 1 }
        failures = 0
        state = .following(heardAt: now)
    }

    /// The call has ended.
    public mutating func ended(
        _ ending: LoadReportCallEnding,
        at now: MeshInstant,
        using random: inout some RandomNumberGenerator
    ) -> Action {
        guard case .failed(let reason) = ending else {
            state = .givenUp
            return .giveUp
        }
        let share = Double.random(in: (1 - Self.jitter)...(1 + Self.jitter), using: &random)
        let wait = Nanoseconds(rawValue: UInt64(Self.wait(afterFailures: failures) * share))
        if failures < .max { failures += 1 }
        let next = now.advanced(by: wait)
        state = .waiting(until: next, reason: reason)
        return .askAgain(at: next)
    }

    /// Nobody is there who could ask.
    public mutating func unasked() {
        state = .idle
    }

    /// When a call that brings nothing is given up as dead: its connection may be gone without a word. `nil` while there
    /// is no call.
    public var silentAt: MeshInstant? {
        switch state {
        case .asked(let instant), .following(let instant): instant.advanced(by: longestSilence)
        case .idle, .waiting, .givenUp: nil
        }
    }

    /// How long a call may bring nothing: ten periods, and five minutes at least.
    public var longestSilence: Nanoseconds {
        let (whole, overflow) = period.rawValue.multipliedReportingOverflow(by: Self.patience.periods)
        return overflow ? .forever : max(Nanoseconds(rawValue: whole), Self.patience.least)
    }

    /// The wait after so many ends in a row, without its jitter, in nanoseconds.
    static func wait(afterFailures failures: Int) -> Double {
        var wait = firstWait
        for _ in 0..<min(failures, 16) { wait *= factor }
        return min(wait, longestWait)
    }
}
