// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshBalancing
public import MeshCore

/// The endpoints of a cluster (`envoy.config.endpoint.v3.ClusterLoadAssignment`).
public struct EndpointAssignment: Hashable, Sendable {
    /// The name by which clusters refer to it.
    public var name: String
    /// The endpoints by locality.
    public var localities: [LocalityEndpoints]
    /// How much of its share a healthy endpoint is counted on to take, in percent, before lower priorities get their part;
    /// at least 1.
    ///
    /// Default 140: Envoy's `ClusterLoadAssignment.Policy.overprovisioning_factor`.
    public var overprovisioningFactor: UInt32

    /// Creates an assignment.
    public init(name: String, localities: [LocalityEndpoints], overprovisioningFactor: UInt32 = 140) {
        self.name = name
        self.localities = localities
        self.overprovisioningFactor = overprovisioningFactor
    }

    /// Creates an assignment of healthy endpoints in one nameless locality.
    public init(name: String, addresses: [EndpointAddress]) {
        self.init(
            name: name,
            localities: addresses.isEmpty ? [] : [LocalityEndpoints(endpoints: addresses.map { ClusterEndpoint($0) })]
        )
    }
}

/// The endpoints of one place (`envoy.config.endpoint.v3.LocalityLbEndpoints`).
public struct LocalityEndpoints: Hashable, Sendable {
    /// The place.
    public var locality: Locality
    /// The priority; 0 is the highest, and none may be left out.
    public var priority: UInt32
    /// The weight among the localities of its priority; `nil` if localities are not weighted.
    public var weight: UInt32?
    /// The endpoints.
    public var endpoints: [ClusterEndpoint]

    /// Creates the endpoints of a place.
    public init(
        locality: Locality = Locality(),
        priority: UInt32 = 0,
        weight: UInt32? = nil,
        endpoints: [ClusterEndpoint]
    ) {
        self.locality = locality
        self.priority = priority
        self.weight = weight
        self.endpoints = endpoints
    }
}

/// A place (`envoy.config.core.v3.Locality`).
public struct Locality: Hashable, Sendable {
    /// The region.
    public var region: String
    /// The zone in the region.
    public var zone: String
    /// The part of the zone.
    public var subZone: String

    /// Creates a place.
    public init(region: String = "", zone: String = "", subZone: String = "") {
        self.region = region
        self.zone = zone
        self.subZone = subZone
    }
}

/// One endpoint of a cluster (`envoy.config.endpoint.v3.LbEndpoint`).
public struct ClusterEndpoint: Hashable, Sendable {
    /// Where it listens.
    public var address: EndpointAddress
    /// Whether it may be used.
    public var health: HealthStatus
    /// Its weight in its locality; at least 1.
    public var weight: UInt32
    /// Whether it speaks the mesh's mutual TLS (Istio's `tlsMode: istio`).
    public var speaksMutualTLS: Bool
    /// The host name that it serves, for routes that rewrite the authority to it; empty for none
    /// (`envoy.config.endpoint.v3.Endpoint.hostname`).
    public var hostname: String
    /// The HTTP proxy through which it is reached, in clusters that have endpoints name theirs; `nil` for none.
    ///
    /// Envoy's endpoint metadata `envoy.http11_proxy_transport_socket.proxy_address`.
    public var proxy: EndpointAddress?
    /// What consistent balancers know it by, in place of its address; empty for that.
    ///
    /// Envoy's endpoint metadata `envoy.lb`, `hash_key`.
    public var hashKey: String

    /// Creates an endpoint.
    public init(
        _ address: EndpointAddress,
        health: HealthStatus = .healthy,
        weight: UInt32 = 1,
        speaksMutualTLS: Bool = false,
        hostname: String = "",
        proxy: EndpointAddress? = nil,
        hashKey: String = ""
    ) {
        self.address = address
        self.health = health
        self.weight = weight
        self.speaksMutualTLS = speaksMutualTLS
        self.hostname = hostname
        self.proxy = proxy
        self.hashKey = hashKey
    }
}

/// Whether an endpoint may be used (`envoy.config.core.v3.HealthStatus`).
public enum HealthStatus: Hashable, Sendable {
    /// Nobody knows; it is used.
    case unknown
    /// It is used.
    case healthy
    /// It is not used.
    case unhealthy
    /// It gets no new requests.
    case draining
    /// Its health check timed out; it is not used.
    case timeout
    /// It is used when nothing better is there.
    case degraded

    /// What it means to balancers, as in Envoy; gRPC uses healthy and unknown endpoints only (gRFC A27).
    package var endpointHealth: EndpointHealth {
        switch self {
        case .unknown, .healthy: .healthy
        case .degraded: .degraded
        case .unhealthy, .draining, .timeout: .unhealthy
        }
    }
}
