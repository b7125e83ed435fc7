// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Whether equal calls that overlap are made as one. There is nothing to tune: a key says which are equal.
public struct CoalescingConfiguration: PolicyConfiguration {
    /// Coalescing.
    public static var kind: PolicyKind { .coalescing }

    /// Whether the policy acts.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(mode: PolicyMode = .enforce) {
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [PolicySetting("mode", mode, default: .enforce, from: "swift-service-mesh")]
    }

    /// Checks the bounds, of which there are none.
    public func validate() throws(ConfigurationError) {}
}
