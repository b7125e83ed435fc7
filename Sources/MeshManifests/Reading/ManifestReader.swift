// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Reads files of manifests: YAML in, manifests and diagnostics out. It never fails and never traps, whatever the files.
public struct ManifestReader: Sendable {
    private let limits: ReadingLimits

    /// Creates a reader.
    public init(limits: ReadingLimits = ReadingLimits()) {
        self.limits = limits
    }

    /// Reads files within the default limits.
    public static func read(_ files: [ManifestFile]) -> ManifestReading {
        ManifestReader().read(files)
    }

    /// Reads files. Their order does not matter: they are read by the order of their names.
    ///
    /// The work is done on a thread of its own while this one waits, so that the nesting of a file cannot overflow the
    /// caller's stack.
    /// - Complexity: O(size of the files), within the limits.
    public func read(_ files: [ManifestFile]) -> ManifestReading {
        RoomyStack.run { readAll(files) }
    }

    private func readAll(_ files: [ManifestFile]) -> ManifestReading {
        var manifests: [Manifest] = []
        var diagnostics: [Diagnostic] = []
        for file in files.sorted(by: { ($0.name, $0.bytes.count) < ($1.name, $1.bytes.count) }) {
            var reader = FileReader(file: file, limits: limits)
            reader.read()
            manifests += reader.manifests
            diagnostics += reader.diagnostics
        }
        let unique = Self.withoutDuplicates(manifests, &diagnostics)
        return ManifestReading(objects: unique, diagnostics: diagnostics.sorted())
    }

    /// The manifests, of several with one name only the first.
    private static func withoutDuplicates(_ manifests: [Manifest], _ diagnostics: inout [Diagnostic]) -> [Manifest] {
        struct Identity: Hashable {
            var group: Substring
            var kind: String
            var namespace: String
            var name: String
        }
        var places: [Identity: SourcePosition] = [:]
        return manifests.filter { manifest in
            let identity = Identity(
                group: ManifestKinds.group(of: manifest.apiVersion),
                kind: manifest.kind,
                namespace: manifest.namespace,
                name: manifest.name
            )
            guard let first = places[identity] else {
                places[identity] = manifest.position
                return true
            }
            let message = "\(manifest.kind) \(manifest.namespace)/\(manifest.name) is defined at \(first) already"
            diagnostics.append(Diagnostic(.error, .duplicateManifest, at: manifest.position, message))
            return false
        }
    }
}
