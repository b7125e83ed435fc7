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
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw FolderProblem("the folder \(path) cannot be read: \(error.localizedDescription)")
        }
        var listing = FolderListing()
        var total = 0
        for name in names where FolderListing.isManifest(name) {
            guard let fingerprint = try fingerprint(of: name) else { continue }
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

    /// What tells the content of a file from another one; `nil` if it is no regular file, or gone already.
    private func fingerprint(of name: String) throws(FolderProblem) -> FolderListing.Fingerprint? {
        let manager = FileManager.default
        // Links are followed to the end: it is the file behind them that changes when they are swapped.
        let target = URL(fileURLWithPath: path + "/" + name).resolvingSymlinksInPath().path
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try manager.attributesOfItem(atPath: target)
        } catch {
            guard manager.fileExists(atPath: target) else { return nil }
            throw FolderProblem("\(name) cannot be read: \(error.localizedDescription)")
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular else { return nil }
        return FolderListing.Fingerprint(
            size: (attributes[.size] as? NSNumber)?.intValue ?? 0,
            inode: (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0,
            modified: (attributes[.modificationDate] as? Date)?.timeIntervalSinceReferenceDate ?? 0
        )
    }

    private func bytes(of name: String) throws(FolderProblem) -> [UInt8] {
        // Not blocking: a pipe that took the file's place must not hold up the control plane. That it did shows when the
        // folder is looked at after the reading.
        let descriptor = open(path + "/" + name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw FolderProblem("\(name) cannot be read: \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            return [UInt8](try handle.read(upToCount: limits.maximumFileSize + 1) ?? Data())
        } catch {
            throw FolderProblem("\(name) cannot be read: \(error.localizedDescription)")
        }
    }
}
