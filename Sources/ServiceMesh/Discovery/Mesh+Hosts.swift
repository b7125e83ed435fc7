// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import Synchronization

extension Mesh {
    /// Tells of DNS clusters whose names nobody looks up, when they are others than before.
    func noticeHostsWithoutResolver() {
        let clusters = hosts.hasResolver ? [] : snapshot?.resources.clustersOfNames ?? []
        guard hosts.shouldTell(withoutResolver: clusters) else { return }
        observers.noticed(.hostsWithoutResolver(clusters: clusters))
    }

    /// Where a cluster's endpoints come from, where it is DNS, and what is known of each name.
    func explainHosts(of cluster: Cluster, _ explanation: inout Explanation, at now: MeshInstant) {
        guard case .dns(let assignment, let settings) = cluster.discovery else { return }
        explanation.note("discovery", settings.summary)
        var told: Set<String> = []
        for host in assignment.hostNames where told.insert(host).inserted {
            let query = HostQuery(host: host, family: settings.lookupFamily)
            explanation.note("host", "\(host) \(hosts.summary(of: query, at: now))")
        }
    }
}

extension HostNames {
    /// What is known of a name, in words.
    fileprivate func summary(of query: HostQuery, at now: MeshInstant) -> String {
        state.withLock { state in
            guard state.resolver != nil, let name = state.names[query] else {
                return "is resolved by the transport as it connects: the mesh has no resolver"
            }
            let machine = name.machine
            guard machine.isKnown else {
                return "was not looked up yet: the transport resolves it as it connects"
            }
            let count = machine.addresses.count
            let age = machine.answeredAt.map { ", answered \(now.elapsed(since: $0).duration) ago" } ?? ""
            let failures =
                machine.failuresInRow > 0 ? ", \(machine.failuresInRow) lookups in a row gave no address since" : ""
            return "has \(count) \(count == 1 ? "address" : "addresses")\(age)\(failures)"
        }
    }
}

extension MeshResources {
    /// The clusters with names that are to be looked up, sorted.
    fileprivate var clustersOfNames: [String] {
        clusters.values.filter { cluster in
            guard case .dns(let assignment, _) = cluster.discovery else { return false }
            return !assignment.hostNames.isEmpty
        }.map(\.name).sorted()
    }
}

extension DNSDiscovery {
    /// The settings in words.
    fileprivate var summary: String {
        var parts = ["\(kind) DNS, looked up every \(refreshInterval.duration)"]
        if respectsTTL { parts.append("or as its time to live says") }
        if lookupFamily != .automatic { parts.append("addresses: \(lookupFamily)") }
        if let failureBackoff {
            parts.append("after failures within \(failureBackoff.base.duration) to \(failureBackoff.maximum.duration)")
        }
        return parts.joined(separator: ", ")
    }
}
