// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
public import MeshCore
public import MeshResilience

/// A group of endpoints that do the same, and how they are used (`envoy.config.cluster.v3.Cluster`).
public struct Cluster: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Where its endpoints come from.
    public var discovery: Discovery
    /// How long a connection attempt may take.
    ///
    /// Default 5 s: Envoy's `connect_timeout`.
    public var connectTimeout: Nanoseconds
    /// How requests are spread over the endpoints.
    public var loadBalancing: LoadBalancing
    /// Below which percentage of usable endpoints a priority uses all of its endpoints, ejected and unhealthy ones, too; 0
    /// for never, at most 100.
    ///
    /// Default 50: Envoy's `healthy_panic_threshold`. Istio's is 0 (`minHealthPercent`).
    public var panicThreshold: UInt32
    /// When failing endpoints are ejected; `nil` for never.
    public var outlierDetection: OutlierDetection?
    /// How much may be under way at once.
    public var concurrencyLimit: ConcurrencyLimitConfiguration
    /// The most requests of routes with high priority that are under way; they do not count in `concurrencyLimit`.
    ///
    /// Default 1024: Envoy's `max_requests` of `RoutingPriority.HIGH`. Connections and the requests that wait for them are
    /// bounded for both priorities together.
    public var maximumHighPriorityRequests: UInt32
    /// How connections are protected.
    public var upstreamSecurity: UpstreamSecurity
    /// The server name indication of mutual TLS to the endpoints, whatever their addresses; `nil` for none.
    ///
    /// It says which server behind a gateway is meant; whom the endpoints must prove to be is for `upstreamSecurity` to
    /// say. Default `nil`: Envoy's `UpstreamTlsContext.sni` is empty by default. A DNS name of at most 255 bytes.
    public var serverName: String?
    /// A circuit breaker for each endpoint; `nil` for none. xDS has no field for it.
    public var circuitBreaker: CircuitBreakerConfiguration?
    /// How connections to the endpoints are made and kept (`HttpProtocolOptions`, `preconnect_policy`).
    ///
    /// Over xDS, what is about HTTP/2 only is left out where HTTP/1.1 is spoken.
    public var connection: ConnectionOptions
    /// The proxy through which the endpoints are reached.
    ///
    /// Default `direct`: Envoy has a proxy only where the transport socket is `http_11_proxy`.
    public var proxy: Proxy
    /// What else stands on the cluster, for routes that have none of their own.
    public var policies: TrafficPolicies

    /// Where endpoints come from.
    public enum Discovery: Hashable, Sendable {
        /// The endpoint assignment of this name, or of the cluster's own name.
        case endpointDiscovery(serviceName: String?)
        /// The endpoints that stand here.
        case fixed(EndpointAssignment)
    }

    /// A load-balancing policy of any type, comparable so that a push can tell whether it changed.
    public struct LoadBalancing: Hashable, Sendable {
        /// The policy.
        public let policy: any LoadBalancingPolicy

        /// Wraps a policy.
        public init(_ policy: some LoadBalancingPolicy) {
            self.policy = policy
        }

        /// Whether both are the same policy with the same parameters.
        public static func == (lhs: LoadBalancing, rhs: LoadBalancing) -> Bool {
            AnyHashable(lhs.policy) == AnyHashable(rhs.policy)
        }

        /// Feeds the policy to a hasher.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(AnyHashable(policy))
        }
    }

    /// How connections to the endpoints are protected.
    public enum UpstreamSecurity: Hashable, Sendable {
        /// Not at all.
        case plaintext
        /// Mutual TLS to the endpoints that say that they speak it, plaintext to the others (Istio's automatic mTLS).
        case automatic(acceptedIdentities: [String])
        /// Mutual TLS to all of them. An empty list accepts every identity of the trusted domains.
        case mutualTLS(acceptedIdentities: [String])
    }

    /// The proxy through which endpoints are reached, by HTTP CONNECT (Envoy's `http_11_proxy` transport socket).
    ///
    /// Endpoints at Unix domain sockets are reached directly: a proxy cannot open files of this machine.
    public enum Proxy: Hashable, Sendable {
        /// None, whatever the endpoints say.
        case direct
        /// Each endpoint's own; none for those that name none.
        case ofEndpoint
        /// Each endpoint's own, and this one for those that name none.
        case address(EndpointAddress)

        /// The proxy of an endpoint; `nil` for none.
        public func address(for endpoint: ClusterEndpoint) -> EndpointAddress? {
            guard endpoint.address.port != nil else { return nil }
            switch self {
            case .direct: return nil
            case .ofEndpoint: return endpoint.proxy
            case .address(let address): return endpoint.proxy ?? address
            }
        }
    }

    /// Creates a cluster.
    public init(
        name: String,
        discovery: Discovery = .endpointDiscovery(serviceName: nil),
        connectTimeout: Nanoseconds = .seconds(5),
        loadBalancing: LoadBalancing = LoadBalancing(RoundRobin()),
        panicThreshold: UInt32 = 50,
        outlierDetection: OutlierDetection? = nil,
        concurrencyLimit: ConcurrencyLimitConfiguration = ConcurrencyLimitConfiguration(),
        maximumHighPriorityRequests: UInt32 = 1024,
        upstreamSecurity: UpstreamSecurity = .plaintext,
        serverName: String? = nil,
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        connection: ConnectionOptions = ConnectionOptions(),
        proxy: Proxy = .direct,
        policies: TrafficPolicies = .none
    ) {
        self.name = name
        self.discovery = discovery
        self.connectTimeout = connectTimeout
        self.loadBalancing = loadBalancing
        self.panicThreshold = panicThreshold
        self.outlierDetection = outlierDetection
        self.concurrencyLimit = concurrencyLimit
        self.maximumHighPriorityRequests = maximumHighPriorityRequests
        self.upstreamSecurity = upstreamSecurity
        self.serverName = serverName
        self.circuitBreaker = circuitBreaker
        self.connection = connection
        self.proxy = proxy
        self.policies = policies
    }

    /// The name of the endpoint assignment that the cluster needs; `nil` if its endpoints stand in it.
    public var endpointAssignmentName: String? {
        switch discovery {
        case .endpointDiscovery(let serviceName): serviceName ?? name
        case .fixed: nil
        }
    }
}
