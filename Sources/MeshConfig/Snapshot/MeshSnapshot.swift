// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A validated configuration with its generation: immutable, swapped as a whole.
public final class MeshSnapshot: Sendable {
    /// Grows by one with every configuration that is applied.
    public let generation: UInt64
    /// The resources.
    public let resources: MeshResources

    /// Validates resources.
    /// - Throws: `ConfigurationError` with every problem.
    public init(generation: UInt64, resources: MeshResources) throws(ConfigurationError) {
        try resources.validate()
        self.generation = generation
        self.resources = resources
    }
}
