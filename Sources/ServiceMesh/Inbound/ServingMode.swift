// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Whether a server that waits for its listener takes connections (gRFC A36).
public enum ServingMode: Hashable, Sendable, CustomStringConvertible {
    /// The server has its listener, and takes connections.
    case serving
    /// It has none, for that reason, and refuses connections.
    case notServing(reason: String)

    /// The mode in words.
    public var description: String {
        switch self {
        case .serving: "serving"
        case .notServing(let reason): "not serving: \(reason)"
        }
    }
}

extension InboundStack {
    /// Whether a server may take connections that serves by its listener only.
    ///
    /// It may while the configuration that is in force has an inbound listener for the server's address, and always
    /// while the mesh is disabled.
    /// - Complexity: O(1).
    public var servingMode: ServingMode {
        guard !mesh.isDisabled else { return .serving }
        let snapshot = mesh.loadSnapshot()
        if snapshot.inbound[address] != nil { return .serving }
        guard snapshot.source != nil else { return .notServing(reason: "the mesh has no configuration yet") }
        return .notServing(reason: "the configuration has no listener for \(address)")
    }

    /// Tells the mesh's observers that a server serves, or serves no more.
    package func noticed(_ mode: ServingMode) {
        var reason: String?
        if case .notServing(let why) = mode { reason = why }
        mesh.observers.noticed(.servingModeChanged(address: address, notServing: reason))
    }
}
