// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A resolver that answers from a table, which a test changes as it goes.
public final class InMemoryHostResolver: HostResolver {
    /// What is said of a name.
    public enum Answer: Sendable {
        /// It has these addresses.
        case addresses([ResolvedAddress])
        /// It cannot be known.
        case failure(any Error)
        /// Nothing, until the lookup is cancelled.
        case silence
    }

    /// A lookup that was made.
    public struct Lookup: Hashable, Sendable {
        /// The name.
        public var host: String
        /// The addresses that were asked for.
        public var family: DNSLookupFamily
    }

    private struct State {
        var answers: [String: Answer] = [:]
        var lookups: [Lookup] = []
        var underWay = 0
        var mostUnderWay = 0
        var watchers: [(condition: @Sendable (Int, Int) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []

        /// Those who have waited for what is now.
        mutating func takeSatisfiedWatchers() -> [CheckedContinuation<Void, Never>] {
            let (begun, underWay) = (lookups.count, underWay)
            let satisfied = watchers.filter { $0.condition(begun, underWay) }.map(\.continuation)
            watchers.removeAll { $0.condition(begun, underWay) }
            return satisfied
        }
    }

    private let state = Mutex(State())

    /// Creates a resolver that knows no name.
    public init() {}

    /// Creates a resolver of names with these addresses. What is no address is left out.
    public convenience init(_ addresses: [String: [String]]) {
        self.init()
        for (host, addresses) in addresses { self[host] = .addresses(Self.read(addresses)) }
    }

    /// What is said of a name; one that was never set has no address.
    public subscript(host: String) -> Answer {
        get { state.withLock { $0.answers[host] ?? .addresses([]) } }
        set { state.withLock { $0.answers[host] = newValue } }
    }

    /// The lookups that were begun, in order.
    public var lookups: [Lookup] { state.withLock { $0.lookups } }
    /// How many are under way.
    public var lookupsUnderWay: Int { state.withLock { $0.underWay } }
    /// The most that were under way at once.
    public var mostLookupsUnderWay: Int { state.withLock { $0.mostUnderWay } }

    /// Waits until as many lookups as that were begun.
    public func waitForLookups(_ count: Int) async {
        await wait { begun, _ in begun >= count }
    }

    /// Waits until as many lookups as that are under way.
    public func waitForLookups(underWay count: Int) async {
        await wait { _, underWay in underWay == count }
    }

    private func wait(for condition: @escaping @Sendable (_ begun: Int, _ underWay: Int) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isSatisfied = state.withLock { state in
                if condition(state.lookups.count, state.underWay) { return true }
                state.watchers.append((condition, continuation))
                return false
            }
            if isSatisfied { continuation.resume() }
        }
    }

    private func change<Result: Sendable>(_ body: (inout sending State) -> Result) -> Result {
        let (result, watchers) = state.withLock { state in (body(&state), state.takeSatisfiedWatchers()) }
        for watcher in watchers { watcher.resume() }
        return result
    }

    /// A name has these addresses from now on. What is no address is left out.
    public func set(_ host: String, to addresses: [String], timeToLive: Nanoseconds? = nil) {
        self[host] = .addresses(Self.read(addresses, timeToLive))
    }

    /// Answers as the table says.
    public func resolve(_ host: String, family: DNSLookupFamily) async throws -> [ResolvedAddress] {
        let answer = change { state -> Answer in
            state.lookups.append(Lookup(host: host, family: family))
            state.underWay += 1
            state.mostUnderWay = max(state.mostUnderWay, state.underWay)
            return state.answers[host] ?? .addresses([])
        }
        defer { change { $0.underWay -= 1 } }
        switch answer {
        case .addresses(let addresses): return family.select(addresses)
        case .failure(let error): throw error
        case .silence:
            let (stream, _) = AsyncStream.makeStream(of: Never.self)
            for await _ in stream {}
            throw CancellationError()
        }
    }

    private static func read(_ addresses: [String], _ timeToLive: Nanoseconds? = nil) -> [ResolvedAddress] {
        addresses.compactMap { IPAddress($0) }.map { ResolvedAddress($0, timeToLive: timeToLive) }
    }
}
