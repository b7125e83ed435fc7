// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// Short names of listeners: a client that asks for `reviews:9080` gets the listener of the service's full name.
///
/// gRPC asks for exactly what stands in its target, and people write the name that they would use in a URL.
struct ListenerAliases {
    private let resources: MeshResources

    init(_ resources: MeshResources) {
        self.resources = resources
    }

    /// The listeners of names that no listener has, under those names.
    func listeners(named names: Set<String>, dialect: Dialect) -> [String: PackedResource] {
        var found = MeshResources()
        for name in names where resources.listeners[name] == nil {
            guard var listener = listener(for: name) else { continue }
            listener.name = name
            found.listeners[name] = listener
        }
        guard !found.listeners.isEmpty else { return [:] }
        return ResourceEncoder(dialect: dialect).encode(found).resources[.listener] ?? [:]
    }

    private func listener(for name: String) -> Listener? {
        let wanted = name.lowercased()
        // Several may serve a bare host, on different ports; the first by name is taken, so that it is always the same.
        return resources.listeners.values
            .filter { $0.direction == .outbound }
            .sorted { $0.name < $1.name }
            .first { listener in
                resources.routes(of: listener)?.virtualHosts
                    .contains { host in host.domains.contains { $0 == .exact(wanted) } } ?? false
            }
    }
}
