// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// Finds the files that a command was given, in folders too.
enum InputFolder {
    /// The endings of files that folders are searched for.
    private static let extensions: Set<String> = ["yaml", "yml", "json"]

    /// The files, those of a folder by their names.
    /// - Throws: `InputError` if one cannot be read.
    static func files(at paths: [String]) throws(InputError) -> [InputFile] {
        var files: [InputFile] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
                files.append(try InputFile(path: path))
                continue
            }
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: path)
            } catch {
                throw InputError("\(path): \(error.localizedDescription)")
            }
            for name in names.sorted() where extensions.contains(URL(fileURLWithPath: name).pathExtension.lowercased())
            {
                files.append(try InputFile(path: path.hasSuffix("/") ? path + name : "\(path)/\(name)"))
            }
        }
        return files
    }
}
