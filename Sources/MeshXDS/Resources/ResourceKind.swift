// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A kind of xDS resource, in the order in which a control plane sends them.
///
/// Clusters and endpoints come before the listeners and routes that use them, so that nothing refers to what is not
/// there yet (make before break).
public enum ResourceKind: String, CaseIterable, Hashable, Sendable {
    /// CDS.
    case cluster = "envoy.config.cluster.v3.Cluster"
    /// EDS.
    case endpointAssignment = "envoy.config.endpoint.v3.ClusterLoadAssignment"
    /// LDS.
    case listener = "envoy.config.listener.v3.Listener"
    /// RDS.
    case routeConfiguration = "envoy.config.route.v3.RouteConfiguration"
    /// SDS.
    case secret = "envoy.extensions.transport_sockets.tls.v3.Secret"
    /// RTDS: a layer of the runtime.
    case runtimeLayer = "envoy.service.runtime.v3.Runtime"

    /// The kind of a type URL, whatever stands before its slash.
    public init?(typeURL: String) {
        self.init(rawValue: typeName(ofTypeURL: typeURL))
    }

    /// The type URL that stands on the wire.
    public var typeURL: String { "type.googleapis.com/" + rawValue }

    /// Whether a response holds everything, so that absence means deletion.
    ///
    /// The rule of the state-of-the-world protocol: LDS and CDS do, RDS, EDS, SDS and RTDS may leave out what did not change.
    public var isFullState: Bool {
        switch self {
        case .listener, .cluster: true
        case .endpointAssignment, .routeConfiguration, .secret, .runtimeLayer: false
        }
    }
}

extension ResourceKind {
    /// Whether resources of the kind name others.
    var refersToOthers: Bool {
        switch self {
        case .listener, .routeConfiguration, .cluster: true
        case .endpointAssignment, .secret, .runtimeLayer: false
        }
    }
}

/// The full name of the message that a type URL stands for.
func typeName(ofTypeURL url: String) -> String {
    guard let slash = url.utf8.lastIndex(of: UInt8(ascii: "/")) else { return url }
    return String(url[url.index(after: slash)...])
}
