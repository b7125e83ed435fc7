// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience

/// How a mesh behaves in this process, apart from what its configuration sources say.
public struct MeshConfiguration: Sendable {
    /// What happens to requests to hosts that the mesh does not know.
    public enum OutboundTrafficPolicy: Hashable, Sendable {
        /// They go where their authority says, without the mesh's policies (Istio's `ALLOW_ANY`).
        case allowAny
        /// They are refused with `MeshError.Code.unknownHost` (Istio's `REGISTRY_ONLY`).
        case registryOnly
    }

    /// What happens to requests to hosts that the mesh does not know.
    ///
    /// Default `allowAny`: Istio's `outboundTrafficPolicy.mode`.
    public var outboundTrafficPolicy: OutboundTrafficPolicy
    /// How many retries may be made, for each cluster; `nil` for no limit.
    ///
    /// Default 20% and 10 a second: Finagle and Linkerd.
    public var retryBudget: RetryBudgetConfiguration?
    /// A circuit breaker for each endpoint of every cluster whose resource has none; `nil` for none.
    ///
    /// Default none: xDS has no such field, and outlier detection does a similar job.
    public var circuitBreaker: CircuitBreakerConfiguration?
    /// What counts as a failure.
    public var classifier: ResponseClassifier
    /// Who hears what happens.
    public var observers: [any Observer]
    /// Whether every wrapper is a pass-through.
    ///
    /// Default: whether the environment has `MESH_DISABLED=1` or `MESH_DISABLED=true`.
    public var isDisabled: Bool

    /// Creates a configuration.
    public init(
        outboundTrafficPolicy: OutboundTrafficPolicy = .allowAny,
        retryBudget: RetryBudgetConfiguration? = RetryBudgetConfiguration(),
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        classifier: ResponseClassifier = .standard,
        observers: [any Observer] = [],
        isDisabled: Bool = ProcessEnvironment.isMeshDisabled
    ) {
        self.outboundTrafficPolicy = outboundTrafficPolicy
        self.retryBudget = retryBudget
        self.circuitBreaker = circuitBreaker
        self.classifier = classifier
        self.observers = observers
        self.isDisabled = isDisabled
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let retryBudget {
            _ = problems.nest("retryBudget") { () throws(ConfigurationError) in try retryBudget.validate() }
        }
        if let circuitBreaker {
            _ = problems.nest("circuitBreaker") { () throws(ConfigurationError) in try circuitBreaker.validate() }
        }
        try problems.throwIfAny()
    }
}
