// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import Synchronization

/// The thin driver of lookups: which names there are, what is known of them, and who is told.
///
/// A lookup's answer is published by compiling the configuration in force again, as a push of endpoints is: what an
/// answer leaves alone is taken over, and answers that come together are published together. Where only connections are
/// concerned (a logical name has other addresses), nothing is compiled.
final class HostNames: Sendable {
    /// The most lookups that are under way at once, for the whole mesh.
    static let maximumLookups = 16

    /// A lookup that is to be made.
    struct Lookup: Sendable {
        var id: UInt64
        var query: HostQuery
        var resolver: any HostResolver
        var deadline: MeshInstant
        /// Ends when nobody wants the answer any more.
        var withdrawal: AsyncStream<Never>
    }

    /// What a configuration needs, to be adopted when it is in force.
    struct Preparation: Sendable {
        var table = HostTable()
        var queries: [HostQuery: (settings: DNSDiscovery, isStrict: Bool)] = [:]
    }

    struct Name {
        var machine: DNSDiscoveryStateMachine
        var settings: DNSDiscovery
        var isStrict: Bool
        let resolved: ResolvedHost
        /// The lookup that is under way, and what withdraws it.
        var lookup: (id: UInt64, withdrawal: AsyncStream<Never>.Continuation)?
    }

    struct State {
        var resolver: (any HostResolver)?
        var names: [HostQuery: Name] = [:]
        var isRunning = false
        /// Whether there are answers that are not in force.
        var needsPublishing = false
        var isPublishing = false
        /// The clusters of which was told that there is no resolver.
        var told: [String] = []
        var lastLookup: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter: UInt64 = 0

        /// Whether every name that is looked up has been, and what was found is in force.
        var isWarm: Bool {
            guard isRunning, resolver != nil else { return true }
            return !needsPublishing && !isPublishing && names.values.allSatisfy(\.machine.isKnown)
        }

        mutating func takeSatisfiedWaiters() -> [CheckedContinuation<Void, Never>] {
            guard isWarm else { return [] }
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    let clock: any MeshClock
    let random: MeshRandom
    let observers: ObserverSet
    let state: Mutex<State>
    let doorbell = Doorbell()

    init(_ resolver: (any HostResolver)?, clock: any MeshClock, random: MeshRandom, observers: ObserverSet) {
        self.clock = clock
        self.random = random
        self.observers = observers
        self.state = Mutex(State(resolver: resolver))
    }

    /// Whether somebody can be asked.
    var hasResolver: Bool { state.withLock { $0.resolver != nil } }

    /// Whether clusters without a resolver are others than those of which was told before, and some.
    func shouldTell(withoutResolver clusters: [String]) -> Bool {
        state.withLock { state in
            defer { state.told = clusters }
            return !clusters.isEmpty && clusters != state.told
        }
    }

    /// Takes a resolver, if there is none.
    /// - Returns: Whether it was taken.
    func offer(_ resolver: @autoclosure () -> any HostResolver) -> Bool {
        state.withLock { state in
            guard state.resolver == nil else { return false }
            state.resolver = resolver()
            return true
        }
    }

    // MARK: Configurations

    /// What a configuration is compiled with. Nothing is looked up for it until it is adopted.
    func prepare(_ resources: MeshResources) -> Preparation {
        let queries = resources.hostQueries
        return state.withLock { state in
            guard state.resolver != nil, !queries.isEmpty else { return Preparation() }
            var preparation = Preparation(queries: queries)
            for query in queries.keys {
                let name = state.names[query]
                preparation.table.entries[query] = HostTable.Entry(
                    addresses: name?.machine.addresses ?? [],
                    isKnown: name?.machine.isKnown ?? false,
                    resolved: name?.resolved ?? ResolvedHost()
                )
            }
            return preparation
        }
    }

    /// The configuration is in force: names that it has not are looked up no more, new ones at once.
    func adopt(_ preparation: Preparation) {
        let now = clock.now
        let (withdrawn, waiters) = state.withLock { state in
            var names: [HostQuery: Name] = [:]
            for (query, wanted) in preparation.queries {
                guard let entry = preparation.table.entries[query] else { continue }
                var name =
                    state.names.removeValue(forKey: query)
                    ?? Name(
                        machine: DNSDiscoveryStateMachine(wanted.settings, at: now),
                        settings: wanted.settings,
                        isStrict: wanted.isStrict,
                        resolved: entry.resolved
                    )
                name.settings = wanted.settings
                name.isStrict = wanted.isStrict
                name.machine.settingsChanged(to: wanted.settings, at: now)
                names[query] = name
            }
            let withdrawn = state.names.values.compactMap(\.lookup?.withdrawal)
            state.names = names
            return (withdrawn, state.takeSatisfiedWaiters())
        }
        for withdrawal in withdrawn { withdrawal.finish() }
        for waiter in waiters { waiter.resume() }
        doorbell.ring()
    }

    // MARK: Answers

    /// The lookups whose time has come, and when the next one's will; `nil` if nothing has to be waited for.
    func beginLookups(at now: MeshInstant) -> (lookups: [Lookup], next: MeshInstant?) {
        state.withLock { state in
            guard let resolver = state.resolver else { return ([], nil) }
            let idle = state.names.filter { $0.value.lookup == nil }
            var room = Self.maximumLookups - (state.names.count - idle.count)
            var lookups: [Lookup] = []
            let turns = idle.sorted {
                ($0.value.machine.nextLookup, $0.key.host) < ($1.value.machine.nextLookup, $1.key.host)
            }
            for (query, name) in turns {
                // Where there is no room, the end of a lookup rings.
                guard room > 0 else { return (lookups, nil) }
                guard name.machine.nextLookup <= now else { return (lookups, name.machine.nextLookup) }
                room -= 1
                state.lastLookup += 1
                let (withdrawal, continuation) = AsyncStream.makeStream(of: Never.self)
                state.names[query]?.lookup = (state.lastLookup, continuation)
                lookups.append(
                    Lookup(
                        id: state.lastLookup,
                        query: query,
                        resolver: resolver,
                        deadline: now.advanced(by: name.settings.lookupTimeout),
                        withdrawal: withdrawal
                    )
                )
            }
            return (lookups, nil)
        }
    }

    /// A lookup has ended.
    /// - Parameter result: `nil` if it was withdrawn.
    func ended(_ lookup: Lookup, _ result: Result<[ResolvedAddress], any Error>?, begunAt: MeshInstant) {
        let now = clock.now
        let (report, waiters) = state.withLock { state -> (HostLookup?, [CheckedContinuation<Void, Never>]) in
            // A name that went and came back has another lookup.
            guard var name = state.names[lookup.query], name.lookup?.id == lookup.id else { return (nil, []) }
            name.lookup = nil
            defer { state.names[lookup.query] = name }
            guard let result else { return (nil, []) }
            var random = random
            let (wasKnown, hadNone) = (name.machine.isKnown, name.machine.addresses.isEmpty)
            var report = HostLookup(
                host: lookup.query.host,
                outcome: .unchanged,
                addresses: 0,
                duration: now.elapsed(since: begunAt)
            )
            let change: DNSDiscoveryStateMachine.Change
            switch result {
            case .success(let answer):
                change = name.machine.answered(answer, at: now, using: &random)
                if answer.isEmpty { report.outcome = .empty } else if change == .members { report.outcome = .changed }
            case .failure(let error):
                change = name.machine.failed(at: now, using: &random)
                report.outcome = error is LookupTimedOut ? .timedOut : .failed
                report.error = error
            }
            report.addresses = name.machine.addresses.count
            report.failuresInRow = name.machine.failuresInRow
            if change != .none { name.resolved.update(name.machine.addresses) }
            if change == .members, name.isStrict || !wasKnown || hadNone { state.needsPublishing = true }
            state.names[lookup.query] = name
            return (report, state.takeSatisfiedWaiters())
        }
        for waiter in waiters { waiter.resume() }
        doorbell.ring()
        if let report { observers.noticed(.hostLookup(report)) }
    }

    /// No answer came in time.
    struct LookupTimedOut: Error, CustomStringConvertible {
        var limit: Nanoseconds
        var description: String { "no answer within \(limit.duration)" }
    }
}
