// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Clients of one dialect that are served the same: what they are served is encoded by the first that asks, while the
/// others wait for it.
actor EncodedGroup {
    private let encoder: ResourceEncoder
    private let takesAPIListeners: Bool
    private let cache: EncodingCache
    private var latest: EncodedSnapshot?

    init(dialect: Dialect, takesAPIListeners: Bool = true, cache: EncodingCache) {
        self.encoder = ResourceEncoder(dialect: dialect)
        self.takesAPIListeners = takesAPIListeners
        self.cache = cache
    }

    /// The configuration as it is sent.
    func snapshot(of provided: ProvidedResources) -> EncodedSnapshot {
        if let latest, latest.version == provided.version { return latest }
        var provided = provided
        let omission = takesAPIListeners ? nil : provided.resources.leaveOutAPIListeners()
        let next = EncodedSnapshot(provided, omission: omission, encoder: encoder, cache: cache, after: latest)
        latest = next
        return next
    }
}

/// The groups that have clients, by what makes them groups. A group is gone with its last client.
final class EncodedGroups: Sendable {
    private struct Key: Hashable {
        var name: String
        var dialect: Dialect
        var takesAPIListeners: Bool
    }

    private struct Member: Sendable {
        weak var group: EncodedGroup?
    }

    private struct State {
        var groups: [Key: Member] = [:]
        var sweepAbove = 256
    }

    /// What all groups share.
    let cache = EncodingCache()
    private let state = Mutex(State())

    /// The group of a name; one of its own for a client that shares with nobody.
    func group(named name: String?, dialect: Dialect, takesAPIListeners: Bool = true) -> EncodedGroup {
        let make = { EncodedGroup(dialect: dialect, takesAPIListeners: takesAPIListeners, cache: self.cache) }
        guard let name else { return make() }
        let key = Key(name: name, dialect: dialect, takesAPIListeners: takesAPIListeners)
        return state.withLock { state in
            if let known = state.groups[key]?.group { return known }
            let group = make()
            state.groups[key] = Member(group: group)
            if state.groups.count > state.sweepAbove {
                state.groups = state.groups.filter { $0.value.group != nil }
                state.sweepAbove = max(256, state.groups.count * 2)
            }
            return group
        }
    }

    /// How many groups have clients.
    var count: Int { state.withLock { $0.groups.count { $0.value.group != nil } } }
}
