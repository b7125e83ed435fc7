// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What a table knows of one virtual host. A class, so that a request borrows its index by one reference.
final class CompiledHost: Sendable {
    let name: String
    let domains: [DomainPattern]
    /// What chooses the routes that are looked at; `nil` for all of them.
    let tree: MatcherTree<Range<Int>>?
    let hasTree: Bool
    /// Finds routes by their keys. Not an optional: a look into one would copy the index out of it.
    private let candidates: CandidateIndex
    /// Whether there is such an index: not where routes are few, or where a tree chooses them.
    let hasCandidates: Bool

    init(_ host: RouteIndex.Host, candidates: CandidateIndex?) {
        self.name = host.name
        self.domains = host.domains
        self.tree = host.tree
        self.hasTree = host.tree != nil
        self.candidates = candidates ?? CandidateIndex([])
        self.hasCandidates = candidates != nil
    }

    /// The first of the candidates that is accepted; asked only if there is an index.
    @inline(__always)
    func first(
        _ path: UnsafeBufferPointer<UInt8>,
        field: (HeaderName) -> String?,
        hasValue: (HeaderName, (String) -> Bool) -> Bool,
        where accepts: (Int) -> Bool
    ) -> CandidateIndex.Found {
        candidates.first(path, field: field, hasValue: hasValue, where: accepts)
    }
}
