// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#if canImport(SwiftOverlayShims)
// The toolchain declares Linux's `timespec` members there, and `MemberImportVisibility` wants them imported.
import SwiftOverlayShims
#endif
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// A file of this machine. Every call blocks on the file system; links are followed.
struct LocalFile: Sendable {
    let path: String

    /// What it looks like now.
    /// - Throws: `FileProblem` if it is missing, or is no regular file.
    func fingerprint() throws(FileProblem) -> FileFingerprint {
        var status = stat()
        guard stat(path, &status) == 0 else { throw lastProblem }
        return try fingerprint(status)
    }

    /// Its first bytes, and what the file that they are of looked like when the reading began.
    ///
    /// Both are of one file, though another one may take its place meanwhile.
    /// - Throws: `FileProblem` if it is missing, is no regular file, or cannot be read.
    func read(upTo maximum: Int) throws(FileProblem) -> (bytes: [UInt8], fingerprint: FileFingerprint) {
        // Not blocking: a pipe that took the file's place must not hold up whoever reads.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw lastProblem }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw lastProblem }
        let fingerprint = try fingerprint(status)
        // A file that grows meanwhile looks different afterwards.
        let capacity = Int(clamping: min(fingerprint.size, Int64(maximum)))
        var failure: FileProblem?
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            while count < capacity, let start = buffer.baseAddress {
                let part = systemRead(descriptor, start + count, capacity - count)
                if part > 0 {
                    count += part
                } else if part == 0 {
                    break
                } else if errno != EINTR {
                    failure = lastProblem
                    break
                }
            }
        }
        if let failure { throw failure }
        return (bytes, fingerprint)
    }

    private func fingerprint(_ status: stat) throws(FileProblem) -> FileFingerprint {
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileProblem("\(path) is no regular file") }
        #if canImport(Darwin)
        let modified = status.st_mtimespec
        #else
        let modified = status.st_mtim
        #endif
        return FileFingerprint(
            device: UInt64(truncatingIfNeeded: status.st_dev),
            inode: UInt64(truncatingIfNeeded: status.st_ino),
            size: Int64(status.st_size),
            modified: [Int64(modified.tv_sec), Int64(modified.tv_nsec)]
        )
    }

    private var lastProblem: FileProblem {
        FileProblem("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
}

/// The C library's `read`, whose name the file's own method hides.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
