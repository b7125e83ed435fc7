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
    /// The values of the runtime that something in the configuration reads, each with its layer, in the order of their keys;
    /// at most 1024. Those that nothing reads are told among what is ignored.
    public var runtime: [String]

    /// Creates a status.
    public init(generation: UInt64, sources: [ConfigSourceStatus], runtime: [String] = []) {
        self.generation = generation
        self.sources = sources
        self.runtime = runtime
    }

    /// Reads a status, be it of a mesh that knows nothing of the runtime.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        generation = try container.decode(UInt64.self, forKey: .generation)
        sources = try container.decode([ConfigSourceStatus].self, forKey: .sources)
        runtime = try container.decodeIfPresent([String].self, forKey: .runtime) ?? []
    }

    /// The most values of the runtime that are told.
    fileprivate static let maximumRuntime = 1024
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
        let runtime = snapshot?.resources.runtimeInForce.prefix(MeshStatus.maximumRuntime).map(\.description) ?? []
        return MeshStatus(generation: snapshot?.generation ?? 0, sources: known + others, runtime: runtime)
    }
}
