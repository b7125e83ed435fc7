// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// What is known of a key set at a server, and when it is asked for again.
///
/// The last good keys stay in force while the server does not answer. They are asked for again when nine tenths of their
/// time have passed, so that nobody waits for them.
struct RemoteKeySetState {
    /// When keys have to be asked for again, and are used on until then.
    private(set) var keys: VersionedKeySet?
    private(set) var fetchedAt: MeshInstant?
    private(set) var lastFailure: String?
    private(set) var failures = 0
    private var refetchAt: MeshInstant?
    private let remote: RemoteKeys

    init(_ remote: RemoteKeys) {
        self.remote = remote
    }

    /// When it is to be asked for again; `nil` for at once.
    var refreshAt: MeshInstant? {
        if let refetchAt { return refetchAt }
        return fetchedAt.map { $0.advanced(by: Nanoseconds(rawValue: remote.cacheDuration.rawValue / 10 * 9)) }
    }

    /// The keys that requests use at once; `nil` if they have to wait for them.
    func current(at now: MeshInstant) -> VersionedKeySet? {
        guard let keys, let fetchedAt else { return nil }
        if now < fetchedAt.advanced(by: remote.cacheDuration) { return keys }
        // The server did not answer a moment ago: nobody waits for that again so soon.
        if let refetchAt, now < refetchAt { return keys }
        return nil
    }

    /// Whether nobody asks the server now, as it did not answer a moment ago.
    func isHeldOff(at now: MeshInstant) -> Bool { refetchAt.map { now < $0 } ?? false }

    /// Keys have come.
    /// - Returns: Whether they are others than before.
    mutating func fetched(_ set: JSONWebKeySet, at now: MeshInstant) -> Bool {
        fetchedAt = now
        refetchAt = nil
        lastFailure = nil
        failures = 0
        guard set != keys?.keys else { return false }
        keys = VersionedKeySet(set, version: (keys?.version ?? 0) + 1)
        return true
    }

    /// The server did not answer, or with something that is no key set.
    mutating func failed(_ reason: String, at now: MeshInstant) {
        failures += 1
        lastFailure = reason
        refetchAt = now.advanced(by: remote.refetchDelay)
    }
}
