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
    /// Which shares of the requests to the cluster are refused, one after the other
    /// (`ClusterLoadAssignment.Policy.drop_overloads`).
    ///
    /// Envoy accepts one only, gRPC any number of them (gRFC A28).
    public var dropOverloads: [DropOverload]

    /// A share of requests that is refused, to take load off a cluster.
    public struct DropOverload: Hashable, Sendable {
        /// What it is called in metrics and load reports.
        public var category: String
        /// How many requests.
        public var share: FractionalPercent

        /// Creates a share.
        public init(category: String, share: FractionalPercent) {
            self.category = category
            self.share = share
        }
    }

    /// Creates an assignment.
    public init(
        name: String,
        localities: [LocalityEndpoints],
        overprovisioningFactor: UInt32 = 140,
        dropOverloads: [DropOverload] = []
    ) {
        self.name = name
        self.localities = localities
        self.overprovisioningFactor = overprovisioningFactor
        self.dropOverloads = dropOverloads
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
    /// What subsets know it by: Envoy's endpoint metadata `envoy.lb`, but for `hash_key`.
    public var labels: [String: MetadataValue]
    /// What of the cluster's health check is its own.
    public var healthCheck: EndpointHealthCheck
    /// Other addresses of the same instance, for instances that are reached by IPv4 and by IPv6: each an IP address with a
    /// port, in the order of preference, at most 16. New connections go to whichever answers first (RFC 8305).
    ///
    /// Default none: `envoy.config.endpoint.v3.Endpoint.additional_addresses`.
    public var additionalAddresses: [EndpointAddress]
    /// What the mesh keeps of its name's addresses; set for endpoints of logical DNS clusters while they are in force.
    package var resolvedHost: ResolvedHost?

    /// The most addresses that an endpoint may have besides its first: ours, because each is tried.
    public static let mostAdditionalAddresses = 16

    /// Creates an endpoint.
    public init(
        _ address: EndpointAddress,
        health: HealthStatus = .healthy,
        weight: UInt32 = 1,
        speaksMutualTLS: Bool = false,
        hostname: String = "",
        proxy: EndpointAddress? = nil,
        hashKey: String = "",
        labels: [String: MetadataValue] = [:],
        healthCheck: EndpointHealthCheck = EndpointHealthCheck(),
        additionalAddresses: [EndpointAddress] = []
    ) {
        self.address = address
        self.health = health
        self.weight = weight
        self.speaksMutualTLS = speaksMutualTLS
        self.hostname = hostname
        self.proxy = proxy
        self.hashKey = hashKey
        self.labels = labels
        self.healthCheck = healthCheck
        self.additionalAddresses = additionalAddresses
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
