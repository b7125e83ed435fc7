// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whose turn it is to be asked: who is due waits in a row while as many probes run as may.
///
/// ```
/// waiting ── its time has come ─▶ due ── there is room ─▶ probing ── the probe has ended ─▶ waiting
/// ```
struct ProbeScheduleStateMachine {
    private enum Step {
        case waiting
        case due
        case probing
    }

    /// The most probes at once.
    let limit: Int
    /// How many run, those of endpoints that are gone included.
    private(set) var probing = 0
    private var steps: [UInt64: Step] = [:]
    /// Those that are due, in their order; none is in it twice.
    private var row: [UInt64] = []
    /// How many of the row have had their turn.
    private var taken = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// How many are asked, and how many of them wait for room.
    var count: Int { steps.count }
    var dueCount: Int { row.count - taken }

    /// Somebody is to be asked from now on, under a number that nobody has had before.
    mutating func added(_ id: UInt64) {
        steps[id] = .waiting
    }

    /// These are not asked any more; a probe that runs goes on to its end.
    mutating func removed(_ ids: Set<UInt64>) {
        for id in ids { steps[id] = nil }
        row = row[taken...].filter { steps[$0] != nil }
        taken = 0
    }

    /// The time of somebody has come. Whoever is due or asked already stays so.
    mutating func timeCame(_ id: UInt64) {
        guard case .waiting? = steps[id] else { return }
        steps[id] = .due
        row.append(id)
    }

    /// Who is to be asked now; `nil` if nobody is due, or nobody more may be.
    mutating func next() -> UInt64? {
        guard probing < limit, taken < row.count else { return nil }
        let id = row[taken]
        taken += 1
        if taken == row.count {
            row.removeAll(keepingCapacity: true)
            taken = 0
        } else if taken > 1024, taken > row.count / 2 {
            row.removeFirst(taken)
            taken = 0
        }
        steps[id] = .probing
        probing += 1
        return id
    }

    /// A probe has ended.
    /// - Returns: Whether its endpoint is still asked.
    mutating func probeEnded(_ id: UInt64) -> Bool {
        probing -= 1
        guard case .probing? = steps[id] else { return false }
        steps[id] = .waiting
        return true
    }

    /// Nobody is asked any more, and no probe runs.
    mutating func stopped() {
        self = Self(limit: limit)
    }
}
