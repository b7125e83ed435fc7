// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// What streams are served, found again by what it was made of: groups of clients that differ in a few resources share
/// the bytes of all others.
///
/// It keeps nothing alive. What no group serves any more is gone, so it is bounded by what is served.
final class EncodingCache: Sendable {
    private struct Key: Hashable {
        var dialect: Dialect
        var kind: ResourceKind
        var name: String
    }

    private struct Variant: Sendable {
        weak var resource: EncodedResource?
    }

    private struct State {
        var variants: [Key: [Variant]] = [:]
        var sweepAbove = 1024
        var encodings: UInt64 = 0
    }

    /// The most variants of one name that are looked through; groups beyond them encode for themselves.
    private static let maximumVariants = 16

    private let state = Mutex(State())

    /// How many times anything was encoded.
    var encodingCount: UInt64 { state.withLock { $0.encodings } }

    /// A resource in a dialect, from the cache if somebody is served the very same.
    func encoded(
        _ resource: XDSResource,
        for dialect: Dialect,
        _ encode: () throws -> PackedResource
    ) rethrows -> EncodedResource {
        let key = Key(dialect: dialect, kind: resource.kind, name: resource.name)
        let known = state.withLock { $0.variants[key] } ?? []
        // Compared outside of the lock: configurations are large, and every group passes here.
        for variant in known {
            if let candidate = variant.resource, candidate.source == resource { return candidate }
        }
        // Two groups may encode the same at once: it costs little, and the versions are the same.
        let encoded = EncodedResource(name: resource.name, packed: try encode(), source: resource)
        state.withLock { state in
            state.encodings += 1
            var variants = state.variants[key]?.filter { $0.resource != nil } ?? []
            if variants.count >= Self.maximumVariants { variants.removeFirst() }
            variants.append(Variant(resource: encoded))
            state.variants[key] = variants
            guard state.variants.count > state.sweepAbove else { return }
            state.variants = state.variants.filter { $0.value.contains { $0.resource != nil } }
            state.sweepAbove = max(1024, state.variants.count * 2)
        }
        return encoded
    }
}
