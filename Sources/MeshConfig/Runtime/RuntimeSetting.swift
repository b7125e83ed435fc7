// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshRouting

/// A value of the runtime that is in force, with the layer that it is from.
public struct RuntimeSetting: Hashable, Sendable, CustomStringConvertible {
    /// Its key.
    public var key: String
    /// Its value.
    public var value: RuntimeValue
    /// The last layer that has the key.
    public var layer: String

    /// Creates a setting.
    public init(_ key: String, _ value: RuntimeValue, layer: String) {
        self.key = key
        self.value = value
        self.layer = layer
    }

    /// For people: `fault.http.abort.abort_percent = 5, layer canary`.
    public var description: String { "\(key) = \(value), layer \(layer)" }
}
