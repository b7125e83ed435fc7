// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// The checkout that the tests stand in.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every file of ours that a rule may look at, read once.
    static let files: [SourceFile] = {
        let folders = ["Sources", "Tests", "Examples", "Benchmarks", ".ci"]
        let kinds: Set = ["swift", "proto", "sh", "py"]
        let paths = folders.flatMap { folder -> [String] in
            let below = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
            let names = (below?.compactMap { $0 as? String } ?? []).filter { name in
                kinds.contains(URL(filePath: name).pathExtension) || folder == ".ci"
            }
            return names.sorted().map { folder + "/" + $0 }
        }
        return paths.compactMap { path in
            (try? String(contentsOf: root.appending(path: path), encoding: .utf8)).map {
                SourceFile(path: path, text: $0)
            }
        }
    }()
}
