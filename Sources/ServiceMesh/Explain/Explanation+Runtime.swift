// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension Explanation {
    /// The most values of the runtime that are told.
    private static let maximumRuntime = 64

    /// Notes the values of the runtime that something in the configuration reads, each with its layer.
    mutating func noteRuntime(of snapshot: RuntimeSnapshot) {
        let settings = snapshot.source?.resources.runtimeInForce ?? []
        for setting in settings.prefix(Self.maximumRuntime) { note("runtime", setting.description) }
        if settings.count > Self.maximumRuntime { note("runtime", "and \(settings.count - Self.maximumRuntime) more") }
    }
}

extension MeshResources {
    /// The values of the runtime that something reads, in the order of their keys, of resources that they were put into.
    var runtimeInForce: [RuntimeSetting] {
        guard !runtimeLayers.isEmpty else { return [] }
        let unread = Set(ignoredOfRuntime.map(\.path))
        return runtime.values.filter { !unread.contains($0.key) }.sorted { $0.key < $1.key }
    }

    /// What has no effect in the layers of the runtime.
    var ignoredOfRuntime: [IgnoredField] {
        ignored.filter { if case .runtimeLayer = $0.resource { true } else { false } }
    }
}
