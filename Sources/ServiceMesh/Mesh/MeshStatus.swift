// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
import MeshCore
import Synchronization

/// What configuration a mesh has, and what became of what its sources said: for operators.
public struct MeshStatus: Hashable, Sendable, Codable {
    /// The configuration in force; 0 before the first.
    public var generation: UInt64
    /// The sources, in the order in which they are merged.
    public var sources: [ConfigSourceStatus]

    /// Creates a status.
    public init(generation: UInt64, sources: [ConfigSourceStatus]) {
        self.generation = generation
        self.sources = sources
    }
}

extension Mesh {
    /// What configuration is in force, and what became of what the sources said.
    ///
    /// Made anew each time, from all resources: for people who ask, not for every request.
    public var status: MeshStatus {
        let ignored = self.ignored.withLock { $0 }
        let known = sources.map { source in
            var status = source.sourceStatus
            status.ignored = (ignored[source.name] ?? []).map(\.description)
            return status
        }
        // Whoever applies a configuration himself is a source, too, once something of it has no effect.
        let names = Set(sources.map(\.name))
        let others = ignored.filter { !names.contains($0.key) && !$0.value.isEmpty }.sorted { $0.key < $1.key }
            .map { ConfigSourceStatus(name: $0.key, ignored: $0.value.map(\.description)) }
        return MeshStatus(generation: snapshot?.generation ?? 0, sources: known + others)
    }
}
