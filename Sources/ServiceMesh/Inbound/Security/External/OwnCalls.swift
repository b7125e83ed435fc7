// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// Who makes the mesh's own calls over HTTP: the seam between filters and whoever has connections. `MeshHTTPClient` brings
/// one. An implementer returns promptly when the task is cancelled.
package protocol OwnCalls: AnyObject, Sendable {
    /// Sends a request without a body to a cluster.
    /// - Parameter maximumBytes: The most bytes that the answer's body may have; a larger one is an error.
    /// - Throws: Whatever kept it from getting an answer.
    func answer(
        to question: OwnQuestion,
        cluster: String,
        timeout: Nanoseconds,
        maximumBytes: Int
    ) async throws -> OwnAnswer
}

/// A request of the mesh's own.
package struct OwnQuestion: Sendable {
    /// The method.
    package var method: String
    /// The authority.
    package var authority: String
    /// The path with its query.
    package var path: String
    /// The header fields.
    package var headers: [(name: String, value: String)]
}

/// The answer to one.
package struct OwnAnswer: Sendable {
    /// The status.
    package var status: Int
    /// The header fields, names in lower case.
    package var headers: [(name: String, value: String)]
    /// The body.
    package var body: [UInt8]

    /// Creates an answer.
    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
