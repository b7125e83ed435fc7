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
    /// How the localities of a priority share its traffic.
    ///
    /// Default `weighted`, as in gRPC; Envoy heeds weights only where it is told to.
    public var localities: LocalityBalancing
    /// When a priority's traffic goes on to the next one. Default `spill`, as in Envoy.
    public var priorities: PriorityMode
    /// The groups of its endpoints that routes may name; `nil` for none.
    public var subsets: SubsetBalancing?
    /// Header fields in which a request may name the endpoints that it wants, as `10.0.0.5:8080` or a list of these with
    /// commas between them; at most 16.
    ///
    /// The first one that the cluster has and that may be used gets the request, and a further attempt goes to the next;
    /// where there is none the policy picks. Whoever may set these fields chooses an endpoint of the cluster, and of the
    /// subset that the route means, never another address. Default none
    /// (`envoy.extensions.load_balancing_policies.override_host.v3`; there an unhealthy endpoint is taken, too).
    public var overrideHostHeaders: [HeaderName]
    /// When failing endpoints are ejected; `nil` for never.
    @Boxed public var outlierDetection: OutlierDetection?
    /// How endpoints are asked whether they are well; `nil` for not at all.
    ///
    /// Default `nil`: Envoy's `health_checks` is empty by default. Envoy takes one check at most.
    @Boxed public var healthCheck: HealthCheck?
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
    /// The secrets that protect mutual TLS to the endpoints in place of the process's own identity; `nil` for that.
    ///
    /// Default `nil`. Envoy's `tls_certificate_sds_secret_configs` and `validation_context_sds_secret_config`, where they
    /// say `ads`. As long as one of the secrets is missing, connections to the endpoints fail.
    public var secrets: SecretReference?
    /// Names by other comparisons than those of `upstreamSecurity`: with mutual TLS an endpoint must prove one of either.
    ///
    /// Default empty: Envoy's `match_typed_subject_alt_names` beyond exact URIs. At most 1024.
    public var peerNames: [PeerNameMatcher]
    /// A circuit breaker for each endpoint; `nil` for none. xDS has no field for it.
    @Boxed public var circuitBreaker: CircuitBreakerConfiguration?
    /// How connections to the endpoints are made and kept (`HttpProtocolOptions`, `preconnect_policy`).
    ///
    /// Over xDS, what is about HTTP/2 only is left out where HTTP/1.1 is spoken.
    public var connection: ConnectionOptions
    /// The proxy through which the endpoints are reached.
    ///
    /// Default `direct`: Envoy has a proxy only where the transport socket is `http_11_proxy`.
    public var proxy: Proxy
    /// What the control plane is told of its requests; `nil` for nothing.
    ///
    /// Default `nil`: Envoy's `lrs_server` is not set by default.
    public var loadStatistics: LoadStatisticsPlan?
    /// What else stands on the cluster, for routes that have none of their own.
    @Boxed public var policies: TrafficPolicies

    /// Where endpoints come from.
    public enum Discovery: Hashable, Sendable {
        /// The endpoint assignment of this name, or of the cluster's own name.
        case endpointDiscovery(serviceName: String?)
        /// The endpoints that stand here.
        case fixed(EndpointAssignment)
        /// Those of other clusters, as if their priorities followed each other (`envoy.clusters.aggregate`).
        ///
        /// Such a cluster has priorities, a panic threshold and policies of its own; how endpoints are picked, reached, counted
        /// and judged is for the others to say.
        case aggregate([String])
        /// The endpoints that stand here by their host names, whose addresses the mesh looks up again and again.
        ///
        /// An endpoint serves its name unless it says which (`ClusterEndpoint.hostname`). Where several have the same
        /// address and port, the first one counts. The mesh needs a `HostResolver` for it, which `MeshHTTP` brings;
        /// without one, and before the first lookup has ended, the transport resolves the names when it connects.
        case dns(EndpointAssignment, DNSDiscovery)
        /// None: each request goes to the host that it names, past the mesh (`ORIGINAL_DST`, Istio's `PassthroughCluster`).
        ///
        /// Nothing else that stands on the cluster has an effect. The mesh's policy for hosts that it does not know decides
        /// whether such requests may leave (`MeshConfiguration.outboundTrafficPolicy`).
        case originalDestination
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
        localities: LocalityBalancing = .weighted,
        priorities: PriorityMode = .spill,
        subsets: SubsetBalancing? = nil,
        overrideHostHeaders: [HeaderName] = [],
        outlierDetection: OutlierDetection? = nil,
        healthCheck: HealthCheck? = nil,
        concurrencyLimit: ConcurrencyLimitConfiguration = ConcurrencyLimitConfiguration(),
        maximumHighPriorityRequests: UInt32 = 1024,
        upstreamSecurity: UpstreamSecurity = .plaintext,
        serverName: String? = nil,
        secrets: SecretReference? = nil,
        peerNames: [PeerNameMatcher] = [],
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        connection: ConnectionOptions = ConnectionOptions(),
        proxy: Proxy = .direct,
        loadStatistics: LoadStatisticsPlan? = nil,
        policies: TrafficPolicies = .none
    ) {
        self.name = name
        self.discovery = discovery
        self.connectTimeout = connectTimeout
        self.loadBalancing = loadBalancing
        self.panicThreshold = panicThreshold
        self.localities = localities
        self.priorities = priorities
        self.subsets = subsets
        self.overrideHostHeaders = overrideHostHeaders
        self.outlierDetection = outlierDetection
        self.healthCheck = healthCheck
        self.concurrencyLimit = concurrencyLimit
        self.maximumHighPriorityRequests = maximumHighPriorityRequests
        self.upstreamSecurity = upstreamSecurity
        self.serverName = serverName
        self.secrets = secrets
        self.peerNames = peerNames
        self.circuitBreaker = circuitBreaker
        self.connection = connection
        self.proxy = proxy
        self.loadStatistics = loadStatistics
        self.policies = policies
    }

    /// The name of the endpoint assignment that the cluster needs; `nil` if its endpoints stand in it.
    public var endpointAssignmentName: String? {
        switch discovery {
        case .endpointDiscovery(let serviceName): serviceName ?? name
        case .fixed, .aggregate, .dns, .originalDestination: nil
        }
    }

    /// The clusters that it is made of; none for one that has endpoints itself.
    public var members: [String] {
        guard case .aggregate(let members) = discovery else { return [] }
        return members
    }
}
