// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig
public import MeshCore
public import MeshResilience
public import MeshRouting
public import MeshSecurity

/// How a mesh behaves in this process, apart from what its configuration sources say.
public struct MeshConfiguration: Sendable {
    /// What happens to requests to hosts that the mesh does not know.
    public enum OutboundTrafficPolicy: Hashable, Sendable {
        /// They go where their authority says, without the mesh's policies (Istio's `ALLOW_ANY`).
        case allowAny
        /// They are refused with `MeshError.Code.unknownHost` (Istio's `REGISTRY_ONLY`).
        case registryOnly
    }

    /// What becomes of headers that ask for other timeouts and retries.
    public enum RequestHeaderTrust: Hashable, Sendable {
        /// They are sent on like any other: what the application writes is its own.
        case ignored
        /// They are taken away, as Envoy does with those of external callers.
        case untrusted
        /// They are obeyed, as Envoy obeys those of internal callers.
        case trusted
    }

    /// What happens to requests to hosts that the mesh does not know.
    ///
    /// Default `allowAny`: Istio's `outboundTrafficPolicy.mode`. While a mesh with sources has no configuration yet, every
    /// request is refused with `MeshError.Code.notReady`, whatever this says: its host may turn out to be the mesh's.
    public var outboundTrafficPolicy: OutboundTrafficPolicy
    /// The outbound listener whose domain `*` means every host that no other listener serves, as that of an egress proxy
    /// does; `nil` for none.
    ///
    /// Default none: `*` means the listener's own name, as for gRPC, whose clients choose a listener by it.
    public var catchAllListener: String?
    /// Whose rules decide what the conditions of outbound routes mean.
    ///
    /// Default `envoy`. A mesh that carries gRPC calls alone may have those of gRPC's clients (gRFC A28), as one has that a
    /// gRPC transport makes for itself.
    public var routeSemantics: RouteSemantics = .envoy
    /// What limits the retries and hedges of each cluster that has no budget of its own; `nil` for no limit.
    ///
    /// Default 20% and 10 a second: Finagle and Linkerd.
    public var retryBudget: RetryBudgetChoice?
    /// A circuit breaker for each endpoint of every cluster whose resource has none; `nil` for none.
    ///
    /// Default none: xDS has no such field, and outlier detection does a similar job.
    public var circuitBreaker: CircuitBreakerConfiguration?
    /// How loaded the system is, for `LoadShedderConfiguration.loadTrigger` on routes and clusters.
    ///
    /// Default `nil`: the mesh reads no load of its own accord, and a configuration with a `loadTrigger` is refused.
    public var systemLoad: SystemLoad?
    /// What counts as a failure.
    public var classifier: ResponseClassifier
    /// The application's last word on every configuration, whoever delivers it: what it writes into the resources is
    /// validated with them and put in force.
    ///
    /// It is how code puts policies on routes and clusters that a control plane describes, which has no field for them.
    /// Called once for each configuration, one at a time, outside of requests.
    ///
    /// Default none.
    public var amend: (@Sendable (_ resources: inout MeshResources) -> Void)?
    /// Whether the headers by which Envoy's callers change timeouts and retries (`x-envoy-upstream-rq-timeout-ms`,
    /// `x-envoy-max-retries` and the like) are obeyed in outbound requests.
    ///
    /// Default `ignored`: an application that hands on the headers of its own callers would let them decide.
    public var requestHeaderTrust: RequestHeaderTrust
    /// Who gets the explanation of an outbound request in a field of its response; `nil` for nobody.
    ///
    /// Default nobody: it tells about the configuration.
    public var explanations: ExplanationAccess?
    /// Who counts requests for a whole fleet, where routes have global rate limits.
    ///
    /// Default none: each such request is treated as the limit says for a service that cannot be asked.
    public var rateLimitServices: RateLimitServices
    /// Who asks endpoints how they are, where clusters have health checks.
    ///
    /// Default `nil`: the `MeshHTTPClient` that was made last for the mesh, by its transport's connections. Without
    /// either, endpoints count as healthy, and an event says so.
    public var healthProber: (any HealthProber)?
    /// Who asks endpoints for their load, where balancers want reports apart from answers.
    ///
    /// Default `nil`: the `MeshHTTPClient` that was made last for the mesh, by its transport's connections. Without
    /// either there are no such reports, and an event says so.
    public var loadReportSource: (any LoadReportSource)?
    /// Where this process is, for clusters that keep requests in their zone.
    ///
    /// Default nowhere, which means what the first source says that knows it (`node.locality` of an xDS bootstrap).
    public var locality: Locality
    /// The cluster that this process belongs to, for the `source_cluster` of rate limits, and for clusters that keep requests
    /// in their zone: they ask how its instances are spread (Envoy's `cluster_manager.local_cluster_name`).
    ///
    /// Default empty: `node.cluster` of Envoy's bootstrap, which has no default either.
    public var localCluster: String
    /// Values that stand in place of those of routes, filters and clusters, by the keys that these have there
    /// (`RuntimeFractionalPercent.runtime_key` and the like).
    ///
    /// They are the first layer of the runtime, as the static layer in Envoy's examples: a layer that a source delivers wins
    /// over them. Default none: every setting's own value holds.
    public var runtime: [String: RuntimeValue]
    /// Who finds the addresses of the host names of DNS clusters (`Cluster.Discovery.dns`).
    ///
    /// Default `nil`: what the transport brings; `MeshHTTPClient` with an `HTTPTransport` brings the system's resolver.
    /// Where there is none, the transport resolves names as it connects.
    public var hostResolver: (any HostResolver)?
    /// Who checks the signatures of the tokens that requests carry: `JWTKitVerifier` of `MeshJWT`, say.
    ///
    /// Default nobody: then no token is good, and requests that have to carry one are refused.
    public var signatureVerifier: (any SignatureVerifier)?
    /// Who fetches the key sets of those who issue tokens.
    ///
    /// Default `nil`: the `MeshHTTPClient` that was made last for the mesh. Without either, tokens whose keys a server has
    /// are refused.
    public var keySetFetcher: (any KeySetFetcher)?
    /// The services that say who may pass, where listeners ask one.
    ///
    /// Default none: such requests are treated as the filter says for a service that does not answer.
    public var externalAuthorizers: ExternalAuthorizers
    /// The time of day, which says whether tokens have expired. Default: the system's.
    public var wallClock: WallClock
    /// Who hears what happens.
    public var observers: [any Observer]
    /// Whether every wrapper is a pass-through.
    ///
    /// Default: whether the environment has `MESH_DISABLED=1` or `MESH_DISABLED=true`.
    public var isDisabled: Bool

    /// Creates a configuration.
    public init(
        outboundTrafficPolicy: OutboundTrafficPolicy = .allowAny,
        catchAllListener: String? = nil,
        retryBudget: RetryBudgetChoice? = .tokens(RetryBudgetConfiguration()),
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        systemLoad: SystemLoad? = nil,
        classifier: ResponseClassifier = .standard,
        amend: (@Sendable (_ resources: inout MeshResources) -> Void)? = nil,
        requestHeaderTrust: RequestHeaderTrust = .ignored,
        runtime: [String: RuntimeValue] = [:],
        explanations: ExplanationAccess? = nil,
        rateLimitServices: RateLimitServices = .none,
        locality: Locality = Locality(),
        healthProber: (any HealthProber)? = nil,
        loadReportSource: (any LoadReportSource)? = nil,
        localCluster: String = "",
        hostResolver: (any HostResolver)? = nil,
        signatureVerifier: (any SignatureVerifier)? = nil,
        keySetFetcher: (any KeySetFetcher)? = nil,
        externalAuthorizers: ExternalAuthorizers = .none,
        wallClock: WallClock = .system,
        observers: [any Observer] = [],
        isDisabled: Bool = ProcessEnvironment.isMeshDisabled
    ) {
        self.outboundTrafficPolicy = outboundTrafficPolicy
        self.catchAllListener = catchAllListener
        self.retryBudget = retryBudget
        self.circuitBreaker = circuitBreaker
        self.systemLoad = systemLoad
        self.classifier = classifier
        self.amend = amend
        self.requestHeaderTrust = requestHeaderTrust
        self.runtime = runtime
        self.explanations = explanations
        self.rateLimitServices = rateLimitServices
        self.locality = locality
        self.healthProber = healthProber
        self.loadReportSource = loadReportSource
        self.localCluster = localCluster
        self.hostResolver = hostResolver
        self.signatureVerifier = signatureVerifier
        self.keySetFetcher = keySetFetcher
        self.externalAuthorizers = externalAuthorizers
        self.wallClock = wallClock
        self.observers = observers
        self.isDisabled = isDisabled
    }

    /// Creates a configuration whose retries a share of the requests limits: `.tokens(retryBudget)`.
    public init(
        outboundTrafficPolicy: OutboundTrafficPolicy = .allowAny,
        catchAllListener: String? = nil,
        retryBudget: RetryBudgetConfiguration,
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        systemLoad: SystemLoad? = nil,
        classifier: ResponseClassifier = .standard,
        amend: (@Sendable (_ resources: inout MeshResources) -> Void)? = nil,
        requestHeaderTrust: RequestHeaderTrust = .ignored,
        runtime: [String: RuntimeValue] = [:],
        observers: [any Observer] = [],
        isDisabled: Bool = ProcessEnvironment.isMeshDisabled
    ) {
        self.init(
            outboundTrafficPolicy: outboundTrafficPolicy,
            catchAllListener: catchAllListener,
            retryBudget: .tokens(retryBudget),
            circuitBreaker: circuitBreaker,
            systemLoad: systemLoad,
            classifier: classifier,
            amend: amend,
            requestHeaderTrust: requestHeaderTrust,
            runtime: runtime,
            observers: observers,
            isDisabled: isDisabled
        )
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let retryBudget {
            _ = problems.nest("retryBudget") { () throws(ConfigurationError) in try retryBudget.plan.validate() }
        }
        if let circuitBreaker {
            _ = problems.nest("circuitBreaker") { () throws(ConfigurationError) in try circuitBreaker.validate() }
        }
        if let explanations {
            _ = problems.nest("explanations") { () throws(ConfigurationError) in try explanations.validate() }
        }
        // Here, where it is written: later it would keep every configuration from being applied.
        let own = RuntimeLayer(name: RuntimeBuilder.ownLayer, values: runtime)
        _ = problems.nest("runtime") { () throws(ConfigurationError) in try own.validate() }
        try problems.throwIfAny()
    }
}
