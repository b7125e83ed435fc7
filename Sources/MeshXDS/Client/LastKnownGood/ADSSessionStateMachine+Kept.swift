// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ADSSessionStateMachine {
    /// Whether nothing is in force that could go on meanwhile.
    var isStart: Bool { published == nil && !awaitsKept }

    /// The resources that an earlier process kept have been read, and make a configuration; none if there are none.
    mutating func keptRead(_ entries: [ResourceSnapshot.Entry]) {
        awaitsKept = false
        // Where there is one list only, its configuration is put in force as a whole.
        kept = servers.lists.count > 1 ? entries : []
    }

    /// Takes from what was kept what nobody can be asked for, while others go on with what they have just been told.
    mutating func fillIn(at now: MeshInstant) {
        guard !kept.isEmpty, servers.lists.contains(where: { $0.isWanted && !$0.lacksSomething }) else { return }
        for kind in Self.order {
            for list in servers.indices where servers[list].isHoldingUp && servers[list].isExcused(atOnce: isStart) {
                let own = kept.filter { $0.kind == kind && servers.directory.list(of: $0.name) == list }
                servers[list].takeKept(own, of: kind, servers.directory, at: now)
            }
            followReferences(at: now)
            for list in servers.indices { servers[list].referencesFollowed(at: now) }
        }
    }
}
