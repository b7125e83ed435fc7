// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What all manifests say together, in words that are nobody's format: each kind adds to it, the compiler reads it.
struct ManifestModel: Sendable {
    /// How hosts are routed (VirtualService), in order.
    var routings: [HostRouting] = []
    /// Rules without hosts, for routings to delegate to (VirtualService), in order.
    var delegates: [HostRouting] = []
    /// How services were routed by Istio's first API (RouteRule), in order.
    var routeRules: [RouteRule] = []
    /// How clients treat a host (DestinationRule), in order.
    var hostPolicies: [HostPolicy] = []
    /// How some clients treat some workloads, by Istio's first API (DestinationPolicy), in order.
    var destinationPolicies: [DestinationPolicy] = []
    /// Services that manifests define (Service, ServiceEntry), in order.
    var services: [ServiceDefinition] = []
    /// Who may do what (AuthorizationPolicy), in order.
    var authorizations: [Authorization] = []
    /// Which workloads insist on mutual TLS (PeerAuthentication), in order.
    var peerAuthentications: [PeerAuthentication] = []
    /// Whose tokens workloads believe (RequestAuthentication), in order.
    var requestAuthentications: [RequestAuthentication] = []
    /// The services that others let decide (`extensionProviders` of Istio's mesh configuration), in order.
    var authorizationProviders: [AuthorizationProvider] = []
    /// The Mixer objects, in order.
    var mixer = MixerModel()
    /// Which workloads stay outside the mesh, in order.
    var optOuts: [OptOut] = []
}

/// How the requests to some hosts are routed.
struct HostRouting: Sendable {
    var metadata: ManifestMetadata
    var hosts: [Located<HostPattern>]
    var visibility: Visibility
    /// Whether it applies to traffic between services at all, and not to a gateway only.
    var appliesToMesh: Bool
    var rules: [TrafficRule]
}

/// What a client does to the requests to a host, and the host's subsets.
struct HostPolicy: Sendable {
    var metadata: ManifestMetadata
    var host: Located<HostPattern>
    var visibility: Visibility
    /// The labels of the clients that it applies to; `nil` for all.
    var clientLabels: [String: String]?
    var policy: TrafficPolicy
    var subsets: [Subset]

    /// Some workloads of a service, by their labels.
    struct Subset: Sendable {
        var name: Located<String>
        var labels: [String: String]
        var policy: TrafficPolicy
    }
}

/// Workloads that have no sidecar, and so no part in the mesh.
struct OptOut: Sendable {
    var metadata: ManifestMetadata
    /// The labels of the workloads.
    var labels: [String: String]
    /// Where that is said.
    var position: SourcePosition
}

/// Whether some workloads insist on mutual TLS.
struct PeerAuthentication: Sendable {
    var metadata: ManifestMetadata
    /// The labels of the workloads; `nil` for the whole namespace, or the whole mesh in the root namespace.
    var workloadLabels: [String: String]?
    /// `nil` leaves it to the policy above.
    var mode: Mode?
    var portModes: [UInt16: Mode]

    enum Mode: Hashable, Sendable {
        case strict
        case permissive
        case disabled
    }
}
