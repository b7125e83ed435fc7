// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Stands in for a service that this process does not know: it fails, as one that cannot be reached does.
public struct UnknownAuthorizer: ExternalAuthorizer {
    private let name: String

    /// Creates a stand-in.
    public init(name: String) {
        self.name = name
    }

    /// Fails.
    public func check(_ question: AuthorizationQuestion, deadline: Deadline) async throws -> ExternalVerdict {
        throw MeshError(.clusterNotFound, origin: .local, message: "this process knows no authorizer \(name)")
    }
}
