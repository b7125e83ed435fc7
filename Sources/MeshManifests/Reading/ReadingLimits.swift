// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How much of a file is read before it is refused: manifests may come from anybody who can write to the folder.
public struct ReadingLimits: Hashable, Sendable {
    /// The largest file, in bytes.
    ///
    /// Default 1 MiB, which is also what etcd and so Kubernetes accept for one object.
    public var maximumFileSize: Int
    /// How deep mappings and sequences may nest; 1 to 1000, libyaml's own bound.
    ///
    /// Default 64; the deepest manifest of Istio's documentation has 14 levels.
    public var maximumDepth: Int
    /// How many values a file may have; what stands behind an alias counts as often as the alias is used.
    ///
    /// Default 100 000.
    public var maximumValues: Int
    /// How many documents a file may have.
    ///
    /// Default 1000.
    public var maximumDocuments: Int

    /// Creates limits.
    public init(
        maximumFileSize: Int = 1 << 20,
        maximumDepth: Int = 64,
        maximumValues: Int = 100_000,
        maximumDocuments: Int = 1000
    ) {
        self.maximumFileSize = maximumFileSize
        self.maximumDepth = maximumDepth
        self.maximumValues = maximumValues
        self.maximumDocuments = maximumDocuments
    }
}
