// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore

/// A small file that only its owner may read, replaced as a whole.
struct PrivateFile: Sendable {
    let directory: String
    let name: String

    private var path: String { directory + "/" + name }

    /// More than a key and a certificate take.
    private static let maximumSize = 1 << 20

    /// Creates the directory, for the owner alone, unless it is there.
    /// - Throws: `ConfigurationError` if that fails, or if others may write into it and so replace the file.
    func prepareDirectory() throws(ConfigurationError) {
        let manager = FileManager.default
        do {
            try manager.createDirectory(
                atPath: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw Self.problem("\(directory) cannot be created: \(error)")
        }
        guard try permissions(of: directory) & 0o022 == 0 else {
            throw Self.problem("\(directory) may be written by others than its owner")
        }
    }

    /// The file's text; `nil` if there is none.
    /// - Throws: `ConfigurationError` if it cannot be read, or if others than its owner may read it.
    func read() throws(ConfigurationError) -> String? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard try permissions(of: path) & 0o077 == 0 else {
            throw Self.problem("\(path) may be read by others than its owner")
        }
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            return try String(decoding: handle.read(upToCount: Self.maximumSize) ?? Data(), as: UTF8.self)
        } catch {
            throw Self.problem("\(path) cannot be read: \(error)")
        }
    }

    /// Replaces the file: whoever reads meanwhile, or after a crash at any point, sees the old text or the new one.
    /// - Throws: `ConfigurationError` if it cannot be written.
    func write(_ text: String) throws(ConfigurationError) {
        let draft = path + ".\(UUID().uuidString).tmp"
        // Exclusive and with its permissions from the first moment on, so that nobody gets at the key in between.
        let descriptor = open(draft, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.problem("\(draft) cannot be created: \(Self.lastError)") }
        do {
            let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
            defer { try? handle.close() }
            try handle.write(contentsOf: Data(text.utf8))
            try handle.synchronize()
        } catch {
            unlink(draft)
            throw Self.problem("\(draft) cannot be written: \(error)")
        }
        guard rename(draft, path) == 0 else {
            let reason = Self.lastError
            unlink(draft)
            throw Self.problem("\(path) cannot be replaced: \(reason)")
        }
    }

    private func permissions(of path: String) throws(ConfigurationError) -> Int {
        // A link has permissions of its own, which say nothing.
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: target)
            return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
        } catch {
            throw Self.problem("\(path) cannot be examined: \(error)")
        }
    }

    private static var lastError: String { String(cString: strerror(errno)) }

    private static func problem(_ message: String) -> ConfigurationError {
        ConfigurationError(path: "stateDirectory", message)
    }
}
