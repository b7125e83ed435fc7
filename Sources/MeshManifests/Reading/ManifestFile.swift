// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A file of manifests: YAML, any number of documents.
public struct ManifestFile: Hashable, Sendable {
    /// Its name, as diagnostics show it.
    public var name: String
    /// Its content; UTF-8 if all is well.
    public var bytes: [UInt8]

    /// Creates a file from its bytes, which need not be UTF-8: the reader reports what is not.
    public init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    /// Creates a file from text.
    public init(name: String, text: String) {
        self.init(name: name, bytes: Array(text.utf8))
    }
}
