// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What there is to serve to one client.
struct ServedOffer: Sendable {
    /// The version of all of it; empty while nothing is known.
    var version: String
    /// The resources by kind.
    var tables: [ResourceKind: EncodedTable]
    /// Listeners under further names, for this client only.
    var aliases: [String: EncodedResource] = [:]
    /// The endpoint assignments that clusters need, by the clusters' names.
    var assignments: [String: String] = [:]
    /// Whether the control plane does not know everybody yet.
    var isWarming = false
    /// What may differ from the offer before; `nil` for everything.
    var changes: EncodedSnapshot.Changes?

    /// Whether there are secrets at all.
    var hasSecrets: Bool { tables[.secret]?.byName.isEmpty == false }

    /// A resource that there is.
    func resource(_ kind: ResourceKind, _ name: String) -> EncodedResource? {
        tables[kind]?.byName[name] ?? (kind == .listener ? aliases[name] : nil)
    }
}
