// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Who fetches the key sets that servers have: the seam between JWT filters and whoever has connections.
///
/// `MeshHTTPClient` brings one; another stands in `MeshConfiguration.keySetFetcher`. Called in a task of its own, apart from
/// requests, once at a time for each set; an implementer returns promptly when the task is cancelled.
public protocol KeySetFetcher: AnyObject, Sendable {
    /// Fetches a document: the key set, or the discovery document that names it.
    /// - Parameters:
    ///   - uri: Its address, with `http` or `https`.
    ///   - cluster: The cluster to ask; empty for the address's own host.
    ///   - timeout: How long it may take.
    ///   - maximumBytes: The most bytes that it may have; a larger one is an error.
    /// - Throws: Whatever kept it from getting the document, with any status but 200 among it.
    func document(
        at uri: String,
        cluster: String,
        timeout: Nanoseconds,
        maximumBytes: Int
    ) async throws -> [UInt8]
}
