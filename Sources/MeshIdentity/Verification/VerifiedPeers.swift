// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOSSL
import Synchronization
import X509

/// Which chains peers have shown in their handshakes, and by which trust they were verified.
///
/// A resumed session brings the leaf and nothing else, and a connection may outlive the trust that it began with: then the
/// chain is verified again, by what is trusted now.
final class VerifiedPeers: Sendable {
    /// A chain that was verified.
    struct Entry: Sendable {
        /// What the peer presented, the leaf first.
        var chain: [Certificate]
        /// The trust that it was verified by.
        var revision: UInt64
    }

    private struct State {
        var generation: UInt64 = 0
        var trust: TrustBundle?
        var revision: UInt64 = 0
        /// The chains by their leaves in DER, the younger half and the older one: a full half takes the other's place.
        var young: [[UInt8]: Entry] = [:]
        var old: [[UInt8]: Entry] = [:]
        var contexts: [[String]: (revision: UInt64, context: NIOSSLContext)] = [:]
    }

    /// How many chains are kept in each half: more callers than one server has at a time.
    private static let maximum = 2048
    /// How many offers by ALPN have a context; there are a few at most.
    private static let maximumContexts = 8

    private let state = Mutex(State())

    /// A number that grows when trust shrinks: when a root is gone, or a revocation list is another one.
    /// - Parameter generation: Grows with every change of what is trusted, so that comparing is seldom needed.
    func revision(of trust: TrustBundle, generation: UInt64) -> UInt64 {
        state.withLock { state in
            // Whoever read it earlier may come later.
            guard state.trust == nil || state.generation < generation else { return state.revision }
            if let last = state.trust, !trust.covers(last) { state.revision += 1 }
            state.trust = trust
            state.generation = generation
            return state.revision
        }
    }

    /// A chain was verified.
    func note(_ chain: [Certificate], leaf: [UInt8], revision: UInt64) {
        state.withLock { state in
            if state.young.count >= Self.maximum {
                state.old = state.young
                state.young = [:]
            }
            state.young[leaf] = Entry(chain: chain, revision: revision)
        }
    }

    /// What is known of a leaf.
    func entry(leaf: [UInt8]) -> Entry? {
        state.withLock { $0.young[leaf] ?? $0.old[leaf] }
    }

    /// The context of a server: a new one when trust has shrunk, so that no session can be resumed that is older.
    func context(
        offering protocols: [String],
        revision: UInt64,
        _ make: () throws -> NIOSSLContext
    ) throws -> NIOSSLContext {
        if let kept = state.withLock({ $0.contexts[protocols] }), kept.revision == revision { return kept.context }
        let made = try make()
        state.withLock { state in
            if state.contexts.count >= Self.maximumContexts { state.contexts = [:] }
            state.contexts[protocols] = (revision, made)
        }
        return made
    }
}

extension TrustBundle {
    /// Whether everything is trusted here that another bundle trusts, and checked against the same lists.
    func covers(_ other: TrustBundle) -> Bool {
        other.trustDomains.allSatisfy { Set(roots(of: $0)).isSuperset(of: other.roots(of: $0)) }
            && trustDomains.union(other.trustDomains).allSatisfy { revocations(of: $0) == other.revocations(of: $0) }
    }
}
