// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Envoy_Config_Core_V3_RuntimeDouble {
    /// What stands in place of a key where there is none: Envoy wants one, and nobody is to set it.
    private static let noKey = "mesh.no_key"

    /// Encodes a number with its key; empty for none.
    init(_ value: Double, key: String) {
        self.init()
        defaultValue = value
        runtimeKey = key.isEmpty ? Self.noKey : key
    }

    /// The key; empty for none.
    var key: String { runtimeKey == Self.noKey ? "" : runtimeKey }
}
