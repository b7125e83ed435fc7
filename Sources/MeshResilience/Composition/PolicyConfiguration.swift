// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What every policy's configuration can do: be compared, be checked, and say what it is set to.
public protocol PolicyConfiguration: Hashable, Sendable {
    /// The policy that it configures.
    static var kind: PolicyKind { get }
    /// Whether the policy acts on what it decides.
    var mode: PolicyMode { get }
    /// Every value in force, in the order in which they are documented, with its default and where that comes from.
    var settings: [PolicySetting] { get }
    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    func validate() throws(ConfigurationError)
}
