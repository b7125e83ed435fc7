// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which calls are under way, and who waits for each.
///
/// A flight lives while somebody waits for it. The last caller that leaves takes it off its key at once, so that the next
/// caller begins a new one and never joins one that is being cancelled.
package struct CoalescingStateMachine<Key: Hashable & Sendable>: Sendable {
    /// What a caller that came gets.
    package enum Arrival: Hashable, Sendable {
        /// It begins the flight of that number.
        case leads(UInt64)
        /// It waits for the flight of that number.
        case joins(UInt64)
    }

    private struct Flight: Sendable {
        var key: Key
        var callers: Set<UInt64>
        /// It goes on when nobody waits for it.
        var isPinned: Bool
    }

    private var flights: [UInt64: Flight] = [:]
    private var flightOfKey: [Key: UInt64] = [:]
    private var flightOfCaller: [UInt64: UInt64] = [:]
    private var lastFlight: UInt64 = 0

    /// Creates the state in which nothing is under way.
    package init() {}

    /// How many flights are under way.
    package var count: Int { flights.count }
    /// How many callers wait.
    package var callers: Int { flightOfCaller.count }

    /// A caller wants what `key` stands for.
    /// - Parameters:
    ///   - caller: Its number, which no other caller has.
    ///   - isPinned: The caller does not wait, and its flight does not end for want of callers, until somebody has waited
    ///     for it: a flight that hangs would be joined by everybody who comes, for ever.
    package mutating func callerCame(_ caller: UInt64, for key: Key, isPinned: Bool = false) -> Arrival {
        if let flight = flightOfKey[key] {
            if !isPinned {
                flights[flight]?.callers.insert(caller)
                flights[flight]?.isPinned = false
                flightOfCaller[caller] = flight
            }
            return .joins(flight)
        }
        lastFlight += 1
        flights[lastFlight] = Flight(key: key, callers: isPinned ? [] : [caller], isPinned: isPinned)
        flightOfKey[key] = lastFlight
        if !isPinned { flightOfCaller[caller] = lastFlight }
        return .leads(lastFlight)
    }

    /// A caller waits no longer.
    /// - Returns: The flight that nobody waits for any more, which is to be cancelled.
    package mutating func callerLeft(_ caller: UInt64) -> UInt64? {
        guard let number = flightOfCaller.removeValue(forKey: caller), var flight = flights[number] else { return nil }
        flight.callers.remove(caller)
        flights[number] = flight
        guard flight.callers.isEmpty, !flight.isPinned else { return nil }
        remove(number)
        return number
    }

    /// A flight has ended.
    /// - Returns: Who waited for it, in the order in which they came.
    package mutating func flightEnded(_ number: UInt64) -> [UInt64] {
        let callers = flights[number]?.callers.sorted() ?? []
        remove(number)
        for caller in callers { flightOfCaller[caller] = nil }
        return callers
    }

    /// What a flight under way will bring is out of date: those who wait get it, and the next caller begins a new one.
    package mutating func keyForgotten(_ key: Key) {
        flightOfKey[key] = nil
    }

    /// The same for every flight.
    package mutating func keysForgotten() {
        flightOfKey = [:]
    }

    /// Whether a flight is under way.
    package func isUnderWay(_ number: UInt64) -> Bool { flights[number] != nil }

    private mutating func remove(_ number: UInt64) {
        guard let flight = flights.removeValue(forKey: number) else { return }
        if flightOfKey[flight.key] == number { flightOfKey[flight.key] = nil }
    }
}
