// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// Configurations with one layer of the runtime.
enum Layered {
    static func resources(
        _ values: [String: RuntimeValue],
        routes: [Route] = [],
        filters: [HTTPFilter] = [],
        clusters: [Cluster] = []
    ) -> MeshResources {
        let table = RouteConfiguration(
            name: "t",
            virtualHosts: [VirtualHost(name: "h", domains: [.any], routes: routes)]
        )
        return MeshResources(
            listeners: [Listener(name: "l", filters: filters, routes: .inline(table))],
            clusters: clusters,
            runtimeLayers: [RuntimeLayer(name: "rtds", values: values)]
        )
    }

    static func routes(_ resources: MeshResources) -> [Route] {
        guard case .inline(let table)? = resources.listeners["l"]?.routes else { return [] }
        return table.virtualHosts.flatMap(\.routes)
    }

    static func forward(_ route: Route?) -> RouteAction.Forward? {
        guard case .forward(let forward)? = route?.action else { return nil }
        return forward
    }

    static func share(_ percent: UInt32) -> FractionalPercent { FractionalPercent(numerator: percent) }
}
