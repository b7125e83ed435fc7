// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A service that says who may pass: the seam to Envoy's `Authorization` service (`envoy.service.auth.v3`).
///
/// An implementer guarantees that the answer is the service's, and throws whatever kept it from asking. It should give up at
/// the deadline; callers do not wait longer in any case. Called once a request on the request path, from any thread.
public protocol ExternalAuthorizer: Sendable {
    /// Asks whether a request may pass.
    /// - Parameter deadline: When nobody waits for the answer any more.
    func check(_ question: AuthorizationQuestion, deadline: Deadline) async throws -> ExternalVerdict
}
