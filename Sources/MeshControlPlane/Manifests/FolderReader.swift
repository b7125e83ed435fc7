// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshManifests

/// Looks into a folder. Every call blocks on the file system.
struct FolderReader: Sendable {
    let path: String
    let limits: ControlPlaneConfiguration.Limits

    /// What is there now. Links are followed; what is no regular file is left out, as are links that lead nowhere.
    /// - Throws: `FolderProblem` if the folder is missing or cannot be read, or holds more than it may.
    func listing() throws(FolderProblem) -> FolderListing {
        guard let folder = opendir(path) else { throw problem("the folder \(path)") }
        defer { closedir(folder) }
        var listing = FolderListing()
        var total = 0
        errno = 0
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
            }
            guard FolderListing.isManifest(name) else { continue }
            var facts = stat()
            guard stat(path + "/" + name, &facts) == 0 else {
                if errno == ENOENT { continue }
                throw problem(name)
            }
            guard facts.st_mode & S_IFMT == S_IFREG else { continue }
            let fingerprint = FolderListing.Fingerprint(facts)
            listing.files[name] = fingerprint
            // A file that is too large is read up to its limit only, and refused by name.
            total += min(fingerprint.size, limits.maximumFileSize)
            guard listing.files.count <= limits.maximumFiles else {
                throw FolderProblem("the folder \(path) has more than \(limits.maximumFiles) manifest files")
            }
            guard total <= limits.maximumTotalSize else {
                throw FolderProblem("the manifests of \(path) have more than \(limits.maximumTotalSize) bytes together")
            }
        }
        return listing
    }

    /// The files of a listing, in the order of their names, none longer than one byte above the limit.
    /// - Throws: `FolderProblem` if one cannot be read.
    func files(of listing: FolderListing) throws(FolderProblem) -> [ManifestFile] {
        var files: [ManifestFile] = []
        for name in listing.files.keys.sorted() {
            files.append(ManifestFile(name: name, bytes: try bytes(of: name)))
        }
        return files
    }

    private func bytes(of name: String) throws(FolderProblem) -> [UInt8] {
        // Not blocking: a pipe that took the file's place must not hold up the control plane.
        let descriptor = open(path + "/" + name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw problem(name) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw FolderProblem("\(name) is not a regular file any more")
        }
        do {
            return [UInt8](try handle.read(upToCount: limits.maximumFileSize + 1) ?? Data())
        } catch {
            throw FolderProblem("\(name) cannot be read: \(error)")
        }
    }

    private func problem(_ what: String) -> FolderProblem {
        FolderProblem("\(what) cannot be read: \(String(cString: strerror(errno)))")
    }
}

extension FolderListing.Fingerprint {
    init(_ facts: stat) {
        #if canImport(Darwin)
        let (modified, changed) = (facts.st_mtimespec, facts.st_ctimespec)
        #else
        let (modified, changed) = (facts.st_mtim, facts.st_ctim)
        #endif
        self.init(
            size: Int(facts.st_size),
            device: UInt64(truncatingIfNeeded: facts.st_dev),
            inode: UInt64(facts.st_ino),
            modified: FolderListing.Timestamp(seconds: modified.tv_sec, nanoseconds: modified.tv_nsec),
            changed: FolderListing.Timestamp(seconds: changed.tv_sec, nanoseconds: changed.tv_nsec)
        )
    }
}
