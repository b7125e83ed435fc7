// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig

/// All that a group of clients is served at one moment, in their dialect.
final class EncodedSnapshot: Sendable {
    /// The names that changed, came or went, by kind.
    typealias Changes = [ResourceKind: Set<String>]

    /// What one snapshot changed of the one before.
    private struct Step: Sendable {
        var changes: Changes
    }

    /// The most steps back that are known. A stream that is further behind compares everything.
    private static let maximumSteps = 16
    /// The most names that all known steps have together; comparing everything costs no more then.
    private static let maximumNames = 4096

    /// Counts the snapshots of a group, from 1.
    let generation: UInt64
    /// The version that the provider gave it.
    let version: String
    /// The resources by kind.
    let tables: [ResourceKind: EncodedTable]
    /// The endpoint assignments that clusters need, by the clusters' names.
    let assignments: [String: String]
    /// What the dialect cannot say.
    let reports: [FieldReport]
    /// The listeners under the names that people write.
    let aliases: ListenerAliases
    private let steps: [Step]

    /// Encodes a configuration, but for what the snapshot before it or the cache has already.
    /// - Parameter omission: What was left out of it for this dialect; `nil` if nothing was.
    init(
        _ provided: ProvidedResources,
        omission: FieldReport? = nil,
        encoder: ResourceEncoder,
        cache: EncodingCache,
        after previous: EncodedSnapshot?
    ) {
        let translation = DialectTranslation(provided.resources, to: encoder.dialect, registry: encoder.registry)
        var reports = translation.reports
        if let omission { reports.append(omission) }
        var changes: Changes = [:]
        var tables: [ResourceKind: EncodedTable] = [:]
        func add<Resource>(_ kind: ResourceKind, _ resources: [String: Resource], _ wrap: (Resource) -> XDSResource) {
            let before = previous?.tables[kind] ?? EncodedTable()
            var table: [String: EncodedResource] = [:]
            table.reserveCapacity(resources.count)
            var changed: Set<String> = []
            for (name, resource) in resources {
                let wrapped = wrap(resource)
                let old = before.byName[name]
                if let old, old.source == wrapped {
                    table[name] = old
                    continue
                }
                do {
                    let new = try cache.encoded(wrapped, for: encoder.dialect) { try encoder.packed(wrapped) }
                    table[name] = new
                    if new.version != old?.version { changed.insert(name) }
                } catch {
                    reports.append(ResourceEncoder.unwritable(wrapped, error))
                    if old != nil { changed.insert(name) }
                }
            }
            for name in before.byName.keys where resources[name] == nil { changed.insert(name) }
            tables[kind] = changed.isEmpty && previous != nil ? before : EncodedTable(table)
            changes[kind] = changed
        }
        add(.cluster, translation.resources.clusters) { .cluster($0) }
        add(.endpointAssignment, translation.resources.endpointAssignments) { .endpointAssignment($0) }
        add(.listener, translation.resources.listeners) { .listener($0) }
        add(.routeConfiguration, translation.resources.routeConfigurations) { .routeConfiguration($0) }
        add(.secret, translation.resources.secrets) { .secret($0) }
        let layers = Dictionary(translation.resources.runtimeLayers.map { ($0.name, $0) }) { $1 }
        add(.runtimeLayer, layers) { .runtimeLayer($0) }
        self.generation = (previous?.generation ?? 0) + 1
        self.version = provided.version
        self.tables = tables
        self.assignments = translation.resources.clusters.compactMapValues(\.endpointAssignmentName)
        self.reports = reports
        self.aliases = ListenerAliases(provided.resources, encoder: encoder, cache: cache)
        var steps = (previous?.steps ?? []).suffix(Self.maximumSteps - 1) + [Step(changes: changes)]
        var names = steps.reduce(0) { $0 + $1.changes.reduce(0) { $0 + $1.value.count } }
        while names > Self.maximumNames, let first = steps.first {
            names -= first.changes.reduce(0) { $0 + $1.value.count }
            steps.removeFirst()
        }
        self.steps = Array(steps)
    }

    /// What may differ from an earlier snapshot of the group; `nil` if that is too long ago to be known.
    func changes(since generation: UInt64) -> Changes? {
        guard generation <= self.generation, self.generation - generation <= UInt64(steps.count) else { return nil }
        var changes: Changes = [:]
        for step in steps.suffix(Int(self.generation - generation)) {
            changes.merge(step.changes) { $0.union($1) }
        }
        return changes
    }
}
