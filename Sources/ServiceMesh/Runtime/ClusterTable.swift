// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The clusters of a snapshot by name, in chunks: the next snapshot shares all chunks but those in which a cluster is
/// another one.
///
/// A dictionary would be copied whole for one cluster. There are about as many chunks as clusters in a chunk, which is
/// where a change costs least: 10 000 clusters are in 128 chunks of some 80.
struct ClusterTable: Sendable, Sequence, ExpressibleByDictionaryLiteral {
    typealias Element = (key: String, value: ClusterRuntime)

    private var chunks: [[String: ClusterRuntime]]
    /// How many there are.
    let count: Int

    init(_ clusters: [String: ClusterRuntime]) {
        var size = 1
        while size * size < clusters.count { size *= 2 }
        chunks = Array(repeating: [:], count: size)
        count = clusters.count
        for (name, cluster) in clusters { chunks[Self.chunk(of: name, size)][name] = cluster }
    }

    init(dictionaryLiteral elements: (String, ClusterRuntime)...) {
        self.init(Dictionary(elements) { $1 })
    }

    private static func chunk(of name: String, _ size: Int) -> Int {
        // Other bits than those by which a dictionary of that size finds its place.
        Int(truncatingIfNeeded: UInt(bitPattern: name.hashValue) >> 32) & (size - 1)
    }

    subscript(name: String) -> ClusterRuntime? { chunks[Self.chunk(of: name, chunks.count)][name] }

    /// The names.
    var keys: [String] { chunks.flatMap(\.keys) }

    /// The clusters.
    var values: some Sequence<ClusterRuntime> { chunks.lazy.flatMap { $0.values } }

    /// The same with others in the place of clusters that there are.
    /// - Complexity: O(√count) for each.
    func replacing(_ others: [String: ClusterRuntime]) -> ClusterTable {
        var table = self
        for (name, cluster) in others {
            let chunk = Self.chunk(of: name, chunks.count)
            guard table.chunks[chunk][name] != nil else { continue }
            table.chunks[chunk][name] = cluster
        }
        return table
    }

    func makeIterator() -> AnyIterator<Element> {
        AnyIterator(chunks.lazy.flatMap { $0 }.makeIterator())
    }
}
