// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshManifests
import Testing

/// The manifests that the product must read as they stand.
enum Fixture {
    /// The files of the articles, in the order of their names.
    static func articles() throws -> [ManifestFile] {
        let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
        return try names.sorted().map { name in
            ManifestFile(name: name, bytes: Array(try Data(contentsOf: folder.appendingPathComponent(name))))
        }
    }

    /// Some of these files, by the beginnings of their names.
    static func articles(_ prefixes: String...) throws -> [ManifestFile] {
        try articles().filter { file in prefixes.contains { file.name.hasPrefix($0) } }
    }
}

/// A manifest with the mistakes that a reader must find in it, each as `line:column code`.
struct Mistake: CustomTestStringConvertible, Sendable {
    var name: String
    var text: String
    var expected: [String]

    init(_ name: String, _ text: String, _ expected: String...) {
        self.name = name
        self.text = text
        self.expected = expected
    }

    var testDescription: String { name }
}

extension ManifestReading {
    /// Reads one file.
    static func of(_ text: String) -> ManifestReading {
        ManifestReader.read([ManifestFile(name: "mesh.yaml", text: text)])
    }

    /// The diagnostics as `line:column code`.
    var places: [String] { diagnostics.map { "\($0.line):\($0.column) \($0.code)" } }
}
