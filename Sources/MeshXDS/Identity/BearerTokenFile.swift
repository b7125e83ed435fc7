// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A file with a bearer token, such as Kubernetes projects into a container.
struct BearerTokenFile: Sendable {
    /// Far more than a token takes.
    private static let maximumSize = 64 << 10

    let path: String

    /// The token that stands there now. Blocks on the file system; the file is small and local.
    /// - Throws: `ConfigurationError` if there is none that fits into a header. The error shows nothing of it.
    func token() throws(ConfigurationError) -> String {
        let bytes: [UInt8]
        do {
            bytes = try LocalFile(path: path).read(upTo: Self.maximumSize + 1).bytes
        } catch {
            throw ConfigurationError(path: "tokenFile", error.description)
        }
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        let token = bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        guard !token.isEmpty, bytes.count <= Self.maximumSize, token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ConfigurationError(path: "tokenFile", "\(path) has no token of printable ASCII")
        }
        return String(decoding: token, as: UTF8.self)
    }
}
