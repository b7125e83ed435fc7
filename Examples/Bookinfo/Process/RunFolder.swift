// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// The folder of one run: manifests in force, tokens, logs, spans.
struct RunFolder: Sendable {
    let path: String

    init(path: String?) throws {
        let name = "bookinfo-\(UUID().uuidString.prefix(8))"
        self.path = path ?? FileManager.default.temporaryDirectory.appending(path: name).path(percentEncoded: false)
        for folder in [self.path, manifests, tokens, spans, logs] {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        }
    }

    /// The manifests that the control plane watches.
    var manifests: String { path + "/manifests" }
    var tokens: String { path + "/tokens" }
    /// The token of whoever watches: it may ask, and claim no service account.
    var operatorToken: String { tokens + "/operator" }
    var spans: String { path + "/spans" }
    var logs: String { path + "/logs" }
    var state: String { path + "/state" }

    /// Where an instance is told how slow it is to be.
    func slownessFile(of instance: String) -> String { "\(path)/\(instance).slowness" }

    /// Has an instance take so long for each answer, until it is told to be fast again.
    func slowDown(_ instance: String, milliseconds: UInt64) throws {
        try Data("\(milliseconds)".utf8).write(to: URL(filePath: slownessFile(of: instance)), options: .atomic)
    }

    func speedUp(_ instance: String) throws {
        try FileManager.default.removeItem(atPath: slownessFile(of: instance))
    }

    /// Puts a manifest of the package in force under a name, as an editor saves it: whole, by a rename.
    func apply(_ manifest: String, as name: String = "traffic.yaml") throws {
        guard let source = Bundle.module.url(forResource: manifest, withExtension: nil, subdirectory: "manifests")
        else {
            throw BookinfoError("the manifest \(manifest) is missing in the package's resources")
        }
        try write(Data(contentsOf: source), as: name)
    }

    /// Puts a text in force under a name.
    func write(_ data: Data, as name: String) throws {
        let temporary = "\(manifests)/.\(name).new"
        try data.write(to: URL(filePath: temporary))
        guard rename(temporary, "\(manifests)/\(name)") == 0 else { throw BookinfoError("\(name) cannot be replaced") }
    }

    func remove(_ name: String) throws {
        let path = "\(manifests)/\(name)"
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    }
}
