// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

/// A file that is there as a whole or not at all. Every call blocks on the file system.
struct SnapshotFile: Sendable {
    let path: String

    /// Whether there is nothing under the path; what cannot be looked at may be there.
    var isMissing: Bool { access(path, F_OK) != 0 && errno == ENOENT }

    /// Puts a file in the place of the one that is there, for its owner alone.
    ///
    /// It is written beside the path and on the disk before it is renamed: whoever reads finds one of the two.
    /// - Throws: `FileProblem` if that fails; the file that was there stays.
    func replace(with bytes: [UInt8]) throws(FileProblem) {
        let draft = "\(path).\(getpid()).new"
        // A draft that a process with this number left is nobody's any more.
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw lastProblem(draft) }
        var problem = write(bytes, to: descriptor) ? nil : lastProblem(draft)
        if problem == nil, fsync(descriptor) != 0 { problem = lastProblem(draft) }
        close(descriptor)
        if problem == nil, rename(draft, path) != 0 { problem = lastProblem(path) }
        guard let problem else { return }
        unlink(draft)
        throw problem
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count, let start = buffer.baseAddress {
                let count = systemWrite(descriptor, start + written, buffer.count - written)
                if count > 0 {
                    written += count
                } else if count == 0 || errno != EINTR {
                    return false
                }
            }
            return true
        }
    }

    private func lastProblem(_ path: String) -> FileProblem {
        FileProblem("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}

/// The C library's `write`, whose name the file's own method hides.
private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, buffer, count)
}
