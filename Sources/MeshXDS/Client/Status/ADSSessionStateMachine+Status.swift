// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ADSSessionStateMachine {
    /// What is known of every resource, in the order of their kinds and names.
    /// - Parameter servers: What the servers of each list are called.
    func status(at now: MeshInstant, servers names: [[String]]) -> [XDSResourceStatus] {
        let known = servers.lists.flatMap { list in
            list.subscriptions.flatMap { kind, subscription in
                subscription.status(of: kind, at: now) { position in
                    // Who is asked, and has not told, is the last one: those before it cannot be reached.
                    let names = names.indices.contains(list.place) ? names[list.place] : []
                    let position = position ?? list.leadingPosition ?? list.reachedServers - 1
                    return names.indices.contains(position) ? names[position] : nil
                }
            }
        }
        let strays = servers.strays.flatMap { kind, names in
            names.map { name, reason in XDSResourceStatus(stray: name, kind, reason) }
        }
        return (known + strays).sorted { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
    }
}

extension XDSResourceStatus {
    /// A resource that belongs to no control plane.
    fileprivate init(stray name: String, _ kind: ResourceKind, _ reason: String) {
        self.init(
            kind: kind,
            name: name,
            version: "",
            state: .failed(reason),
            isInUse: false,
            failedVersion: "",
            ignored: []
        )
    }
}
