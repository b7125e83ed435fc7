// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// The resources of a configuration as they stood on the wire.
struct ResourceSnapshot: Hashable, Sendable {
    /// A resource with its version.
    struct Entry: Hashable, Sendable {
        var kind: ResourceKind
        var name: String
        var version: String
        var packed: PackedResource

        /// The resource without the keys that may stand in it where they have no effect.
        var redacted: Entry? {
            packed.redacted(kind).map { Entry(kind: kind, name: name, version: version, packed: $0) }
        }
    }

    /// When it was in force: since 1970.
    var takenAt: Nanoseconds
    var entries: [Entry]
}

extension ADSSessionStateMachine {
    /// The resources that the configuration in force is made of, in the order of their kinds and names; layers as they
    /// follow each other.
    var snapshotEntries: [ResourceSnapshot.Entry] {
        guard let published else { return [] }
        return Self.order.flatMap { kind -> [ResourceSnapshot.Entry] in
            let names: [String] =
                switch kind {
                case .listener: published.listeners.keys.sorted()
                case .routeConfiguration: published.routeConfigurations.keys.sorted()
                case .cluster: published.clusters.keys.sorted()
                case .endpointAssignment: published.endpointAssignments.keys.sorted()
                // Keys do not go onto a disk. Who starts with the rest has no connection where one is needed.
                case .secret: []
                // In their own order, which the process's settings say and the file does not.
                case .runtimeLayer: published.runtimeLayers.map(\.name)
                }
            return names.compactMap { name in
                servers.cached(kind, name).map {
                    ResourceSnapshot.Entry(kind: kind, name: name, version: $0.version, packed: $0.packed)
                }
            }
        }
    }

    /// What a machine that has heard nothing yet would publish if a server sent these resources, and none besides.
    /// - Throws: `ConfigurationError` with every resource that cannot be used, if any: a part of a configuration that was
    ///   good as a whole may not be.
    func configuration(of entries: [ResourceSnapshot.Entry]) throws(ConfigurationError) -> MeshResources {
        var machine = self
        let now = MeshInstant(nanoseconds: 0)
        var problems = ProblemCollector()
        var resources: MeshResources?
        // References lead from one list of control planes to others, whose streams open when there is something to ask for.
        var streams: [Int: ADSServer.StreamID] = [:]
        for kind in Self.order {
            for list in servers.indices {
                guard let stream = streams[list] ?? machine.streamOpened(to: 0, of: list, at: now) else { continue }
                streams[list] = stream
                _ = machine.nextRequests(on: stream, at: now)
                let own = entries.filter { $0.kind == kind && servers.directory.list(of: $0.name) == list }
                let response = ADSResponse(
                    kind: kind,
                    version: "",
                    nonce: "",
                    resources: own.map { ADSResponse.Item(name: $0.name, version: $0.version, packed: $0.packed) }
                )
                let action = machine.responseReceived(response, on: stream, at: now)
                if let refusal = action.refusal { problems.note(kind.rawValue, refusal) }
                resources = action.publication ?? resources
            }
        }
        // What is not in it did not exist then.
        for stream in streams.values { _ = machine.nextRequests(on: stream, at: now) }
        let end = now.advanced(by: Self.slowServerTimeout)
        resources = machine.timePassed(at: end).publication ?? resources
        for entry in entries where servers.directory.list(of: entry.name) == nil {
            problems.note(entry.kind.rawValue, "\(entry.name): the bootstrap has no such authority")
        }
        try problems.throwIfAny()
        guard let resources else { throw ConfigurationError(path: "", "no configuration comes of it") }
        return resources
    }
}
