// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The manifest files of a folder at one moment, by what tells one content from another without reading it.
struct FolderListing: Hashable, Sendable {
    /// What changes when a file is written, replaced, or reached through another link.
    ///
    /// Kubernetes mounts a ConfigMap as links through a directory link that it swaps: names, sizes and even times may
    /// stay, but the file behind them is another one.
    struct Fingerprint: Hashable, Sendable {
        var size: Int
        var inode: UInt64
        /// Seconds since the reference date, as exact as a `Date`.
        var modified: Double
    }

    /// The files by name.
    var files: [String: Fingerprint] = [:]

    /// Whether a file of this name is one of manifests. Dot files are not: editors and Kubernetes keep their own there.
    static func isManifest(_ name: String) -> Bool {
        !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
    }
}

/// Why the manifests of a folder cannot be read.
struct FolderProblem: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
