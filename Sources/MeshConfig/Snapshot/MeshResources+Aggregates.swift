// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension MeshResources {
    /// How deep aggregates may nest (gRFC A37).
    private static let maximumDepth = 16
    /// How many clusters an aggregate may have in the end. Neither Envoy nor gRPC has a bound.
    private static let maximumMembers = 255

    /// The clusters with endpoints that an aggregate is made of, in order, each once: those that are aggregates themselves are
    /// replaced by theirs, and those that do not exist left out.
    package func leaves(of cluster: Cluster) -> [String] {
        var seen: Set<String> = []
        var leaves: [String] = []
        func add(_ members: [String], _ depth: Int) {
            guard depth <= Self.maximumDepth else { return }
            for name in members where seen.insert(name).inserted {
                guard let member = clusters[name] else { continue }
                if case .aggregate(let inner) = member.discovery {
                    add(inner, depth + 1)
                } else {
                    leaves.append(name)
                }
            }
        }
        seen.insert(cluster.name)
        add(cluster.members, 1)
        return leaves
    }

    /// Refuses aggregates that contain themselves, or too much.
    func checkAggregates(_ problems: inout ProblemCollector) {
        let depths = depths
        for name in clusters.keys.sorted() {
            guard let cluster = clusters[name] else { continue }
            guard case .aggregate(let members) = cluster.discovery else { continue }
            let path = "clusters[\(name)].members"
            problems.require(!members.isEmpty, path, "is empty")
            problems.require(
                leaves(of: cluster).count <= Self.maximumMembers,
                path,
                "lead to more than \(Self.maximumMembers) clusters"
            )
            problems.require(
                (depths[name] ?? 0) <= Self.maximumDepth,
                path,
                "lead back to the cluster itself, or nest deeper than \(Self.maximumDepth) clusters"
            )
        }
    }

    /// How deep each aggregate nests; without end for those that contain themselves, or lead to one that does.
    private var depths: [String: Int] {
        var depths: [String: Int] = [:]
        var open: Set<String> = []
        func depth(of name: String) -> Int {
            guard case .aggregate(let members)? = clusters[name]?.discovery else { return 0 }
            if let known = depths[name] { return known }
            // A chain of ever new names is as bad as a circle: the stack bounds it.
            guard open.count <= Self.maximumDepth + 1, open.insert(name).inserted else { return .max }
            defer { open.remove(name) }
            let deepest = members.reduce(0) { max($0, depth(of: $1)) }
            depths[name] = deepest == .max ? .max : deepest + 1
            return depths[name] ?? .max
        }
        for name in clusters.keys.sorted() { _ = depth(of: name) }
        return depths
    }
}
