// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshSecurity
import Synchronization

/// A key set at a server: the driver of `RemoteKeySetState`.
final class RemoteKeySet: KeySetSource {
    let remote: RemoteKeys
    private let fetchers: KeySetFetchers
    private let clock: any MeshClock
    private let observers: ObserverSet
    private let state: Mutex<RemoteKeySetState>
    /// One fetch for all who wait.
    private let flights: Coalescing<Int, VersionedKeySet>

    init(
        _ remote: RemoteKeys,
        fetchers: KeySetFetchers,
        clock: any MeshClock,
        observers: ObserverSet,
        timers: TimerWheel
    ) {
        self.remote = remote
        self.fetchers = fetchers
        self.clock = clock
        self.observers = observers
        self.state = Mutex(RemoteKeySetState(remote))
        self.flights = Coalescing(
            validated: CoalescingConfiguration(),
            name: "key set",
            observers: .none,
            timers: timers
        )
    }

    var current: VersionedKeySet? {
        let now = clock.now
        return state.withLock { $0.current(at: now) }
    }

    /// When it is to be asked for again; `nil` for at once.
    var refreshAt: MeshInstant? { state.withLock { $0.refreshAt } }

    /// What people are told.
    var summary: String {
        let now = clock.now
        return state.withLock { state in
            var text = remote.uri
            if let keys = state.keys, let fetchedAt = state.fetchedAt {
                let age = now.elapsed(since: fetchedAt)
                text += ": \(keys.keys.keys.count) keys, fetched \(Int(age.seconds)) s ago"
            } else {
                text += ": not fetched yet"
            }
            if let failure = state.lastFailure { text += "; fetching failed \(state.failures) times, last: \(failure)" }
            return text
        }
    }

    func wait(until deadline: Deadline) async throws(TokenFailure) -> VersionedKeySet {
        let now = clock.now
        if let current { return current }
        if state.withLock({ $0.isHeldOff(at: now) }) { throw .keysNotFetched }
        do {
            return try await refresh(until: deadline)
        } catch {
            // Old keys are better than none: whoever is refused for a server's sake has done nothing wrong.
            guard let last = state.withLock({ $0.keys }) else { throw .keysNotFetched }
            return last
        }
    }

    /// Asks the server, or waits for the answer to the question that is under way.
    @discardableResult
    func refresh(until deadline: Deadline = .never) async throws -> VersionedKeySet {
        try await flights.run(0, deadline: deadline) { try await self.fetch() }
    }

    private func fetch() async throws -> VersionedKeySet {
        do {
            guard let fetcher = fetchers.current else {
                throw MeshError(.notReady, origin: .local, message: "nobody in this process fetches key sets")
            }
            let text = try await document(at: remote.uri, fetcher)
            guard let document = DiscoveryDocument(text) else { return succeeded(try JSONWebKeySet(text)) }
            return succeeded(try JSONWebKeySet(try await self.document(at: document.keySetURI, fetcher)))
        } catch {
            if !(error is CancellationError) { failed(error) }
            throw error
        }
    }

    private func document(at uri: String, _ fetcher: any KeySetFetcher) async throws -> [UInt8] {
        try await fetcher.document(
            at: uri,
            cluster: remote.cluster,
            timeout: remote.timeout,
            maximumBytes: JSONWebKeySet.maximumBytes
        )
    }

    private func succeeded(_ set: JSONWebKeySet) -> VersionedKeySet {
        let now = clock.now
        let (keys, isNew) = state.withLock { state in
            let isNew = state.fetched(set, at: now)
            return (state.keys ?? VersionedKeySet(set, version: 0), isNew)
        }
        observers.noticed(.keySetFetched(uri: remote.uri, keys: set.keys.count, isNew: isNew))
        return keys
    }

    private func failed(_ error: any Error) {
        let now = clock.now
        let reason = "\(error)"
        state.withLock { $0.failed(reason, at: now) }
        observers.noticed(.keySetFetchFailed(uri: remote.uri, reason: reason))
    }
}
