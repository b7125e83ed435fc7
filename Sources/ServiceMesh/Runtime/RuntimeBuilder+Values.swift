// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension RuntimeBuilder {
    /// The name of the layer that the process's own values are.
    static let ownLayer = "MeshConfiguration.runtime"

    /// A configuration with the values of the runtime in force: those that sources deliver, and behind them the process's own.
    ///
    /// They stand in what is compiled, so that no request asks for any.
    func resolvingRuntime(of resources: MeshResources) -> MeshResources {
        var resources = resources
        if !configuration.runtime.isEmpty {
            let own = RuntimeLayer(name: Self.ownLayer, values: configuration.runtime)
            resources.runtimeLayers.removeAll { $0.name == Self.ownLayer }
            resources.runtimeLayers.insert(own, at: 0)
        }
        return resources.resolvingRuntime()
    }
}
