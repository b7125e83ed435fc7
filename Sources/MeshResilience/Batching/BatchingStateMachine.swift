// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// The batch that is being collected, and the batches whose answer is awaited.
///
/// ```
///            full, or timerFired             batchEnded
/// collecting ───────────────────▶ under way ────────────▶ gone
///     │ last caller left              │ last caller left    ▲
///     └───────────────────────────────┴─────────────────────┘
/// ```
package struct BatchingStateMachine<Key: Hashable & Sendable>: Sendable {
    /// A batch to be sent.
    package struct Batch: Hashable, Sendable {
        /// Its number.
        package var number: UInt64
        /// Its keys, each once, in the order in which they came.
        package var keys: [Key]
        /// How many calls it answers.
        package var calls: Int
        /// Why it is sent now.
        package var reason: PolicyDecision.Reason
    }

    /// What is to be done when a call came.
    package enum Arrival: Hashable, Sendable {
        /// Too many wait.
        case refused
        /// It waits for the batch that is being collected.
        case waits
        /// It is the first of the batch of that number: the timer is to be started.
        case opens(UInt64)
        /// It made its batch full.
        case fills(Batch)
    }

    /// What is to be done when a caller left.
    package enum Departure: Hashable, Sendable {
        /// Nothing.
        case nothing
        /// Nobody is left of the batch that was being collected: its timer is to be cancelled.
        case closes(UInt64)
        /// Nobody waits for the batch of that number any more: it is to be cancelled.
        case abandons(UInt64)
    }

    private struct Calls: Sendable {
        var keys: [Key] = []
        var callers: [Key: Set<UInt64>] = [:]
        var count = 0
    }

    private let maximumBatchSize: Int
    private let maximumWaiting: Int
    private var collecting = Calls()
    private var collectingNumber: UInt64 = 0
    private var underWay: [UInt64: Calls] = [:]
    private var places: [UInt64: (batch: UInt64, key: Key)] = [:]
    private var lastNumber: UInt64 = 0

    /// Creates the state in which nothing waits.
    package init(_ configuration: BatchingConfiguration) {
        self.maximumBatchSize = configuration.maximumBatchSize
        self.maximumWaiting = configuration.maximumWaiting
    }

    /// How many calls wait.
    package var waiting: Int { places.count }
    /// How many batches are under way.
    package var batches: Int { underWay.count }

    /// A call has come.
    /// - Parameter caller: Its number, which no other call has.
    package mutating func callCame(_ caller: UInt64, for key: Key) -> Arrival {
        guard places.count < maximumWaiting else { return .refused }
        let isFirst = collecting.count == 0
        if isFirst {
            lastNumber += 1
            collectingNumber = lastNumber
        }
        if collecting.callers[key] == nil { collecting.keys.append(key) }
        collecting.callers[key, default: []].insert(caller)
        collecting.count += 1
        places[caller] = (collectingNumber, key)
        if collecting.keys.count >= maximumBatchSize { return .fills(send(because: .limit)) }
        return isFirst ? .opens(collectingNumber) : .waits
    }

    /// The time to collect is over.
    /// - Returns: The batch to send; `nil` if it was sent before, or everybody has left.
    package mutating func timerFired(_ number: UInt64) -> Batch? {
        guard number == collectingNumber, collecting.count > 0 else { return nil }
        return send(because: .deadline)
    }

    /// A caller waits no longer.
    package mutating func callerLeft(_ caller: UInt64) -> Departure {
        guard let (number, key) = places.removeValue(forKey: caller) else { return .nothing }
        if number == collectingNumber, collecting.count > 0 {
            Self.remove(caller, key, from: &collecting)
            if collecting.callers[key] == nil { collecting.keys.removeAll { $0 == key } }
            return collecting.count == 0 ? .closes(number) : .nothing
        }
        guard var calls = underWay[number] else { return .nothing }
        Self.remove(caller, key, from: &calls)
        underWay[number] = calls.count == 0 ? nil : calls
        return calls.count == 0 ? .abandons(number) : .nothing
    }

    /// A batch has been answered, or has failed.
    /// - Returns: Who waits for which key of it, each in the order in which they came.
    package mutating func batchEnded(_ number: UInt64) -> [(caller: UInt64, key: Key)] {
        guard let calls = underWay.removeValue(forKey: number) else { return [] }
        let ended = calls.keys.flatMap { key in (calls.callers[key] ?? []).sorted().map { ($0, key) } }
        for (caller, _) in ended { places[caller] = nil }
        return ended.map { (caller: $0.0, key: $0.1) }
    }

    /// Whether a batch is under way.
    package func isUnderWay(_ number: UInt64) -> Bool { underWay[number] != nil }

    private mutating func send(because reason: PolicyDecision.Reason) -> Batch {
        let calls = collecting
        collecting = Calls()
        underWay[collectingNumber] = calls
        return Batch(number: collectingNumber, keys: calls.keys, calls: calls.count, reason: reason)
    }

    private static func remove(_ caller: UInt64, _ key: Key, from calls: inout Calls) {
        guard calls.callers[key]?.remove(caller) != nil else { return }
        calls.count -= 1
        if calls.callers[key]?.isEmpty == true { calls.callers[key] = nil }
    }
}
