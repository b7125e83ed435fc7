// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A file at one moment, by what tells one content from another without reading it.
///
/// A file that is replaced by renaming may have the size and the time of the one before, but it is another file.
struct FileFingerprint: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    /// In bytes.
    var size: Int64
    /// When its content was changed last: seconds since 1970, and nanoseconds.
    var modified: [Int64]
}

/// Why a file cannot be read.
struct FileProblem: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }
}
