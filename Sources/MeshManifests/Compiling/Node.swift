// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A client of the control plane, that is a process that asks for its configuration.
public struct Node: Hashable, Sendable {
    /// Its namespace.
    ///
    /// Default `default`.
    public var namespace: String
    /// Its labels; `nil` if it does not say them. Then it has those of the workload that is registered at its inbound
    /// addresses; if there is none, nothing is known of it, and rules for certain clients do not apply to it.
    public var labels: [String: String]?
    /// Its service account; `nil` if it has none.
    public var serviceAccount: String?
    /// The addresses that it serves at, for each of which it needs an inbound listener.
    public var inboundAddresses: [EndpointAddress]

    /// Creates a node.
    public init(
        namespace: String = "default",
        labels: [String: String]? = nil,
        serviceAccount: String? = nil,
        inboundAddresses: [EndpointAddress] = []
    ) {
        self.namespace = namespace
        self.labels = labels
        self.serviceAccount = serviceAccount
        self.inboundAddresses = inboundAddresses
    }
}
