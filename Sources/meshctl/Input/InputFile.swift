// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// A file that a command was given, in memory.
struct InputFile: Equatable {
    /// Its name, as the command was given it.
    var name: String
    /// Its content.
    var bytes: [UInt8]

    /// The largest file, in bytes: 32 MiB; a table of 10 000 routes has some 3.
    static let maximumSize = 32 << 20

    /// Creates a file from its content.
    init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    /// Reads a file.
    /// - Throws: `InputError` if it is not there, cannot be read or is too large.
    init(path: String) throws(InputError) {
        let handle: FileHandle
        do {
            handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        } catch {
            throw InputError("\(path): \(error.localizedDescription)")
        }
        defer { try? handle.close() }
        let content: Data?
        do {
            // Not by its size: a pipe has none, and a file may grow while it is read.
            content = try handle.read(upToCount: Self.maximumSize + 1)
        } catch {
            throw InputError("\(path): \(error.localizedDescription)")
        }
        let bytes = [UInt8](content ?? Data())
        guard bytes.count <= Self.maximumSize else {
            throw InputError("\(path): the file is larger than \(Self.maximumSize) bytes")
        }
        self.init(name: path, bytes: bytes)
    }
}
