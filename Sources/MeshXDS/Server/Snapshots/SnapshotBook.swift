// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// Which snapshot each group has, and how versions follow each other.
struct SnapshotBook {
    /// What a group is served.
    struct Snapshot: Sendable {
        var version: String
        var resources: MeshResources
        /// The place of the version among all versions of all groups.
        var order: UInt64
        /// The places of the versions before it, oldest first.
        var earlier: [(version: String, order: UInt64)] = []
    }

    /// What came of a publication.
    struct Publication: Hashable {
        var version: String
        /// Whether anything changed.
        var isNew: Bool
    }

    /// The most versions of a group that can be waited for.
    private static let maximumEarlier = 64

    private(set) var snapshots: [String: Snapshot] = [:]
    private var lastNumber: UInt64 = 0

    /// Puts a snapshot in force.
    /// - Throws: `ConfigurationError` if there are too many groups, or if the version is in force with other resources.
    mutating func publish(
        _ resources: MeshResources,
        version: String?,
        to group: String,
        _ maximumGroups: Int
    ) throws(ConfigurationError) -> Publication {
        let current = snapshots[group]
        if let current, current.resources == resources, version == nil || version == current.version {
            return Publication(version: current.version, isNew: false)
        }
        guard current != nil || snapshots.count < maximumGroups else {
            throw ConfigurationError(path: "group", "there are \(maximumGroups) groups already")
        }
        if let version {
            // Clients and streams go by versions: two configurations under one would be taken for the same.
            guard version != current?.version else {
                throw ConfigurationError(path: "version", "\(version) is in force with other resources")
            }
            guard !version.isEmpty else { throw ConfigurationError(path: "version", "is empty") }
        }
        lastNumber += 1
        let next = version ?? (current?.version == "\(lastNumber)" ? "\(lastNumber)+" : "\(lastNumber)")
        var earlier = current?.earlier ?? []
        if let current { earlier.append((current.version, current.order)) }
        snapshots[group] = Snapshot(
            version: next,
            resources: resources,
            order: lastNumber,
            earlier: earlier.suffix(Self.maximumEarlier)
        )
        return Publication(version: next, isNew: true)
    }

    /// The place of a version; `nil` if the group never had it, or long ago.
    func order(of version: String, in group: String) -> UInt64? {
        guard let snapshot = snapshots[group] else { return nil }
        if snapshot.version == version { return snapshot.order }
        return snapshot.earlier.last { $0.version == version }?.order
    }

    /// Forgets a group.
    mutating func withdraw(_ group: String) {
        snapshots[group] = nil
    }
}
