// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What an xDS client understands: clients read one API and take different parts of it.
public enum Dialect: String, Hashable, CaseIterable, Sendable {
    /// This library.
    case own
    /// Envoy, and whoever is not known: the API as it is documented.
    case envoy
    /// gRPC, which refuses resources with parts that it does not support.
    case grpc

    /// The name by which this library introduces itself (`Node.user_agent_name`).
    public static let ownUserAgentName = "swift-service-mesh"

    /// The dialect of a client by the name it introduces itself with.
    public init(userAgentName name: String) {
        if name == Self.ownUserAgentName {
            self = .own
        } else if name.lowercased().hasPrefix("grpc") {
            self = .grpc
        } else {
            self = .envoy
        }
    }
}
