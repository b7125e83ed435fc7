// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshSecurity
import Synchronization

/// The providers of tokens with their keys, which live on through pushes that leave them alone; and what fetches keys
/// before their time is over, within the mesh's `run`.
final class TokenAuthority: Sendable {
    private struct Weak<Value: AnyObject & Sendable>: Sendable {
        weak var value: Value?
    }

    private struct State {
        var providers: [JWTProvider: Weak<JWTProviderState>] = [:]
        var sets: [RemoteKeys: Weak<RemoteKeySet>] = [:]
    }

    let fetchers: KeySetFetchers
    let wallClock: WallClock
    /// The services that say who may pass.
    let authorizers: ExternalAuthorizers
    /// Whether somebody checks signatures.
    let verifies: Bool
    private let verifier: any SignatureVerifier
    private let clock: any MeshClock
    private let observers: ObserverSet
    private let timers: TimerWheel
    private let state = Mutex(State())
    private let doorbell = Doorbell()

    init(
        _ configuration: MeshConfiguration,
        clock: any MeshClock,
        observers: ObserverSet,
        timers: TimerWheel
    ) {
        self.fetchers = KeySetFetchers(configuration.keySetFetcher)
        self.wallClock = configuration.wallClock
        self.authorizers = configuration.externalAuthorizers
        self.verifies = configuration.signatureVerifier != nil
        self.verifier = configuration.signatureVerifier ?? NoSignatureVerifier()
        self.clock = clock
        self.observers = observers
        self.timers = timers
    }

    /// The providers of a filter, as they are known if they are.
    func authenticator(of filter: JWTFilter) -> JWTAuthenticator {
        defer { doorbell.ring() }
        return JWTAuthenticator(filter.providers.map(provider))
    }

    private func provider(_ provider: JWTProvider) -> JWTProviderState {
        state.withLock { state in
            state.providers = state.providers.filter { $0.value.value != nil }
            state.sets = state.sets.filter { $0.value.value != nil }
            if let known = state.providers[provider]?.value { return known }
            let keys: any KeySetSource
            switch provider.keys {
            // What is broken was refused before it came here.
            case .text(let text): keys = FixedKeySet(try? JSONWebKeySet(Array(text.utf8)))
            case .remote(let remote):
                if let known = state.sets[remote]?.value {
                    keys = known
                } else {
                    let set = RemoteKeySet(
                        remote,
                        fetchers: fetchers,
                        clock: clock,
                        observers: observers,
                        timers: timers
                    )
                    state.sets[remote] = Weak(value: set)
                    keys = set
                }
            }
            let made = JWTProviderState(provider, keys: keys, verifier: verifier)
            state.providers[provider] = Weak(value: made)
            return made
        }
    }

    /// Fetches keys before their time is over, until the task is cancelled.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            while true {
                let now = clock.now
                var next: MeshInstant?
                for set in state.withLock({ $0.sets.values.compactMap(\.value) }) {
                    let due = set.refreshAt ?? now
                    if due <= now, fetchers.current != nil {
                        group.addTask { await self.refresh(set) }
                    } else if due > now {
                        next = min(next ?? due, due)
                    }
                }
                try await wait(until: next)
            }
        }
    }

    private func refresh(_ set: RemoteKeySet) async {
        // Its failure was told already.
        _ = try? await set.refresh()
        if !Task.isCancelled { doorbell.ring() }
    }

    /// Somebody who fetches has come.
    func add(_ fetcher: any KeySetFetcher) {
        fetchers.add(fetcher)
        doorbell.ring()
    }

    /// Waits for the doorbell, and for that instant.
    private func wait(until instant: MeshInstant?) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.doorbell.wait() }
            if let instant {
                group.addTask { try await self.clock.sleep(until: instant) }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        try Task.checkCancellation()
    }
}
