// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension Explanation {
    /// The most fields without effect that are told.
    private static let maximumIgnored = 64

    /// Notes what has no effect in the resources that decide a request; in all of them if no listener is known.
    mutating func noteIgnored(of snapshot: RuntimeSnapshot, listener: String? = nil, clusters: [String] = []) {
        guard let resources = snapshot.source?.resources, !resources.ignored.isEmpty else { return }
        var fields = resources.ignored
        if let listener {
            var places: Set<IgnoredField.Resource> = [.listener(listener)]
            if let name = resources.listeners[listener]?.routeConfigurationName {
                places.insert(.routeConfiguration(name))
            }
            for name in clusters {
                places.insert(.cluster(name))
                guard case .endpointDiscovery(let service)? = resources.clusters[name]?.discovery else { continue }
                places.insert(.endpointAssignment(service ?? name))
            }
            fields.removeAll { !places.contains($0.resource) }
        }
        for field in fields.prefix(Self.maximumIgnored) { note("ignored", field.description) }
        if fields.count > Self.maximumIgnored { note("ignored", "and \(fields.count - Self.maximumIgnored) more") }
    }
}
