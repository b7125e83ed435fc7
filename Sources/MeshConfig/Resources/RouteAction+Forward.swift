// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
public import MeshRouting

extension RouteAction {
    /// How a request is sent on (`envoy.config.route.v3.RouteAction`).
    public struct Forward: Hashable, Sendable {
        /// Which cluster it is sent to.
        public var target: ClusterSpecifier
        /// The status code where that cluster does not exist: 503, 404 or 500. Default 503.
        public var missingClusterStatus: Int
        /// How the path is changed; `nil` leaves it.
        public var pathRewrite: PathRewrite?
        /// How the authority is changed; `nil` leaves it.
        public var hostRewrite: HostRewrite?
        /// Whether an authority that is changed is kept in `x-forwarded-host`. Default `false`.
        public var appendsForwardedHost: Bool
        /// How long the request may take, all attempts and the body included; `nil` leaves the caller's deadline.
        ///
        /// Istio's `timeout` is off by default; Envoy's is 15 s, which its control planes overwrite.
        public var timeout: Nanoseconds?
        /// Whether `timeout` is no matter of gRPC calls, as `RouteAction.timeout` without `max_stream_duration` beside it is
        /// none of gRPC's clients (gRFC A31). Default `false`; over xDS what the control plane says.
        public var sparesCalls: Bool = false
        /// Whether `timeout` ends a request, or only says when it would have.
        ///
        /// Default `enforce`. Over xDS a timeout that is not enforced is left out.
        public var timeoutMode: PolicyMode
        /// When a failed attempt is followed by another; `nil` for never.
        public var retry: RetryPolicy?
        /// Whether the retry policy's `perTryTimeout` ends an attempt, or only says when it would have.
        ///
        /// Default `enforce`. Over xDS a timeout that is not enforced is left out.
        public var perTryTimeoutMode: PolicyMode

        /// How long a stream may last, and what `grpc-timeout` may say of it; `nil` for nothing said.
        public var streamDuration: StreamDurationLimit?
        /// How long a stream may stand still; zero for ever, `nil` for nothing said.
        public var idleTimeout: Nanoseconds?
        /// Where the hash comes from by which consistent balancers pick, in order.
        public var hashPolicies: [HashPolicy]
        /// Copies of the requests; `nil` for what the virtual host says, or else the table.
        public var mirrors: [RequestMirror]?
        /// When a redirect of the upstream is followed; `nil` for never.
        public var internalRedirects: InternalRedirectPolicy?
        /// Which of the cluster's limits the requests count in.
        public var priority: RequestPriority

        /// Faults for what goes to one of the clusters, by its name; they take precedence over the route's
        /// (`WeightedCluster.ClusterWeight.typed_per_filter_config`).
        public var clusterFaults: [String: FaultConfiguration]
        /// What the share of one of the clusters, by its name, says of the listener's further filters.
        public var clusterFilters: [String: FilterOverrides]
        /// The labels of the endpoints that requests go to, in clusters that have subsets
        /// (`envoy.config.route.v3.RouteAction.metadata_match`).
        public var endpointLabels: [String: MetadataValue]
        /// What its requests are counted under by rate limits.
        public var rateLimits: [RouteRateLimit]
        /// Whether they are counted under the virtual host's, too, whatever the filter says (`include_vh_rate_limits`).
        public var includesHostRateLimits: Bool

        /// Creates a forwarding action.
        public init(
            target: ClusterSpecifier,
            missingClusterStatus: Int = 503,
            pathRewrite: PathRewrite? = nil,
            hostRewrite: HostRewrite? = nil,
            appendsForwardedHost: Bool = false,
            timeout: Nanoseconds? = nil,
            timeoutMode: PolicyMode = .enforce,
            retry: RetryPolicy? = nil,
            perTryTimeoutMode: PolicyMode = .enforce,
            streamDuration: StreamDurationLimit? = nil,
            idleTimeout: Nanoseconds? = nil,
            hashPolicies: [HashPolicy] = [],
            mirrors: [RequestMirror]? = nil,
            internalRedirects: InternalRedirectPolicy? = nil,
            priority: RequestPriority = .standard,
            clusterFaults: [String: FaultConfiguration] = [:],
            clusterFilters: [String: FilterOverrides] = [:],
            endpointLabels: [String: MetadataValue] = [:],
            rateLimits: [RouteRateLimit] = [],
            includesHostRateLimits: Bool = false
        ) {
            self.target = target
            self.missingClusterStatus = missingClusterStatus
            self.pathRewrite = pathRewrite
            self.hostRewrite = hostRewrite
            self.appendsForwardedHost = appendsForwardedHost
            self.timeout = timeout
            self.timeoutMode = timeoutMode
            self.retry = retry
            self.perTryTimeoutMode = perTryTimeoutMode
            self.streamDuration = streamDuration
            self.idleTimeout = idleTimeout
            self.hashPolicies = hashPolicies
            self.mirrors = mirrors
            self.internalRedirects = internalRedirects
            self.priority = priority
            self.clusterFaults = clusterFaults
            self.clusterFilters = clusterFilters
            self.endpointLabels = endpointLabels
            self.rateLimits = rateLimits
            self.includesHostRateLimits = includesHostRateLimits
        }

        /// Creates a forwarding action to clusters by weight.
        public init(
            clusters: WeightedClusters,
            timeout: Nanoseconds? = nil,
            timeoutMode: PolicyMode = .enforce,
            retry: RetryPolicy? = nil,
            perTryTimeoutMode: PolicyMode = .enforce,
            clusterFaults: [String: FaultConfiguration] = [:]
        ) {
            self.init(
                target: .clusters(clusters),
                timeout: timeout,
                timeoutMode: timeoutMode,
                retry: retry,
                perTryTimeoutMode: perTryTimeoutMode,
                clusterFaults: clusterFaults
            )
        }

        /// The split over clusters that the route names itself; `nil` where the request names the cluster.
        public var weightedClusters: WeightedClusters? {
            guard case .clusters(let clusters) = target else { return nil }
            return clusters
        }

        /// The shares of that split; none where the request names the cluster.
        public var shares: [WeightedCluster] {
            weightedClusters?.shares ?? []
        }
    }
}
