// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// What was encoded last of each resource, shared by all streams: a push to a thousand clients encodes once a dialect.
final class EncodingCache: Sendable {
    /// The most resources that are kept; a mesh of 10 000 services has some 40 000 in each dialect.
    static let maximumEntries = 200_000

    fileprivate struct Key: Hashable {
        var dialect: Dialect
        var kind: ResourceKind
        var name: String
    }

    fileprivate struct Entry {
        var resource: XDSResource
        var packed: PackedResource
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// One encoding of a configuration: it works on a copy, so that the lock is held for moments only.
    struct Pass {
        private let cache: EncodingCache?
        private let dialect: Dialect
        private let known: [Key: Entry]
        private var new: [Key: Entry] = [:]

        init(_ cache: EncodingCache?, _ dialect: Dialect) {
            self.cache = cache
            self.dialect = dialect
            self.known = cache?.entries.withLock { $0 } ?? [:]
        }

        /// The bytes of a resource, from the cache if it is the very same.
        mutating func packed(
            _ resource: XDSResource,
            named name: String,
            _ encode: () throws -> PackedResource
        ) rethrows -> PackedResource {
            let key = Key(dialect: dialect, kind: resource.kind, name: name)
            if let entry = known[key], entry.resource == resource { return entry.packed }
            let packed = try encode()
            new[key] = Entry(resource: resource, packed: packed)
            return packed
        }

        /// Shares what was encoded.
        func finish() {
            guard let cache, !new.isEmpty else { return }
            cache.entries.withLock { entries in
                // Names come and go, clients' own listeners most of all: when there are too many, all are let go.
                if entries.count + new.count > EncodingCache.maximumEntries { entries = [:] }
                entries.merge(new) { _, new in new }
            }
        }
    }
}
