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
    /// Where it runs; empty if it does not say so. Then its label `istio-locality` counts, or where the workload is that is
    /// registered at its inbound addresses.
    public var locality: Locality
    /// Whether it is gRPC without a proxy, for which Istio leaves what a DestinationRule does not say to gRPC: turns in place of
    /// the least request.
    ///
    /// Default `false`.
    public var isProxylessGRPC: Bool

    /// Creates a node.
    public init(
        namespace: String = "default",
        labels: [String: String]? = nil,
        serviceAccount: String? = nil,
        inboundAddresses: [EndpointAddress] = [],
        locality: Locality = Locality(),
        isProxylessGRPC: Bool = false
    ) {
        self.namespace = namespace
        self.labels = labels
        self.serviceAccount = serviceAccount
        self.inboundAddresses = inboundAddresses
        self.locality = locality
        self.isProxylessGRPC = isProxylessGRPC
    }
}
