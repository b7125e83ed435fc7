// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension MeshResources {
    /// The values of the runtime that are in force, by their keys: of each the last layer's.
    public var runtime: [String: RuntimeSetting] {
        var settings: [String: RuntimeSetting] = [:]
        for layer in runtimeLayers {
            for (key, value) in layer.values { settings[key] = RuntimeSetting(key, value, layer: layer.name) }
        }
        return settings
    }

    /// Adds a layer behind the others, which wins over them; in place of one of the same name, if there is one.
    public mutating func addRuntimeLayer(_ layer: RuntimeLayer) {
        runtimeLayers.removeAll { $0.name == layer.name }
        runtimeLayers.append(layer)
    }

    /// The configuration with the runtime's values in the places of its own. Values that nothing asks for, or that cannot be
    /// used, are among what is ignored.
    ///
    /// What is made of it asks no runtime any more: a request costs what it costs without one.
    /// - Complexity: O(1) without values, else O(resources).
    package func resolvingRuntime() -> MeshResources {
        let settings = runtime
        guard !settings.isEmpty else { return self }
        var resolution = RuntimeResolution(settings)
        var resources = self
        resources.listeners = listeners.resolved { listener in
            for position in listener.filters.indices { resolution.resolve(&listener.filters[position]) }
            guard case .inline(var table) = listener.routes else { return }
            resolution.resolve(&table)
            listener.routes = .inline(table)
        }
        resources.routeConfigurations = routeConfigurations.resolved { resolution.resolve(&$0) }
        resources.clusters = clusters.resolved { resolution.resolve(&$0) }
        resources.ignored += resolution.ignored
        return resources
    }

    /// Checks the layers of the runtime.
    func checkRuntime(_ problems: inout ProblemCollector) {
        var names: Set<String> = []
        for (position, layer) in runtimeLayers.enumerated() {
            let path = "runtimeLayers[\(position)]"
            problems.require(names.insert(layer.name).inserted, path + ".name", "\(layer.name) stands there twice")
            _ = problems.nest(path) { () throws(ConfigurationError) in try layer.validate() }
        }
    }
}

extension Dictionary {
    /// The same keys with changed values.
    fileprivate func resolved(_ body: (inout Value) -> Void) -> Self {
        mapValues { value in
            var value = value
            body(&value)
            return value
        }
    }
}
