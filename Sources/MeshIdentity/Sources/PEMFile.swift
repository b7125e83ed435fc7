// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A small file of certificates or a key. Reading it blocks; links are followed.
struct PEMFile: Sendable {
    /// The largest that is read, in bytes: revocation lists are the longest documents.
    static let maximumSize = 6 << 20

    let path: String

    /// Its content.
    func contents() -> Result<[UInt8], FileProblem> {
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: target)
            guard attributes[.type] as? FileAttributeType == .typeRegular,
                let size = attributes[.size] as? UInt64, size <= UInt64(Self.maximumSize)
            else {
                return .failure(FileProblem(description: "\(path) is no file of at most \(Self.maximumSize) bytes"))
            }
            return .success(Array(try Data(contentsOf: URL(filePath: target))))
        } catch {
            return .failure(FileProblem(description: "\(path) cannot be read"))
        }
    }

    /// What the path leads to now. A mount of Kubernetes' is a link to a link that changes.
    private var target: String {
        URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
    }
}
