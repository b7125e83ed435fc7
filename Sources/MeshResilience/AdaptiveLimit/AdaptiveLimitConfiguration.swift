// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many calls a peer may serve at once, found from their latencies, and what becomes of the others.
public struct AdaptiveLimitConfiguration: PolicyConfiguration {
    /// How the limit is found.
    public enum Algorithm: Hashable, Sendable {
        /// Additive increase, multiplicative decrease.
        case aimd(AIMDLimit.Configuration)
        /// The shortest latency against the latency now.
        case vegas(VegasLimit.Configuration)
        /// The average latency against the latency now.
        case gradient2(Gradient2Limit.Configuration)
        /// Envoy's gradient controller. It has windows of its own and does without `window`.
        case envoyGradient(EnvoyGradientLimit.Configuration)
        /// failsafe-go's limiter. It has windows of its own and does without `window`.
        case correlatedVegas(CorrelatedVegasLimit.Configuration)

        /// Gradient2 with concurrency-limits' numbers.
        public static let gradient2 = Algorithm.gradient2(Gradient2Limit.Configuration())
        /// Envoy's gradient controller with Envoy's numbers.
        public static let envoyGradient = Algorithm.envoyGradient(EnvoyGradientLimit.Configuration())
    }

    /// Calls that are guaranteed a share of the limit when it is used up; below that they take what they need.
    public struct Partition: Hashable, Sendable, CustomStringConvertible {
        /// What calls name it by.
        public var name: String
        /// The share, 0 to 1; all together at most 1. At least one call is guaranteed.
        public var share: Double

        /// Creates a partition.
        public init(_ name: String, share: Double) {
            self.name = name
            self.share = share
        }

        /// For people: `live 0.3`.
        public var description: String { "\(name) \(share)" }
    }

    /// The policy.
    public static var kind: PolicyKind { .adaptiveLimit }
    /// Whether it acts. Default `enforce`.
    public var mode: PolicyMode
    /// How the limit is found. Default Gradient2, which concurrency-limits advises for services.
    public var algorithm: Algorithm
    /// The window that samples are collected in for AIMD, Vegas and Gradient2; `nil` gives them every call.
    ///
    /// Default 1 s and 10 calls: concurrency-limits.
    public var window: LimitWindow?
    /// The guaranteed shares; at most 255. Default none.
    public var partitions: [Partition]
    /// The header whose value names a request's partition, where the layer reads it. Default none.
    public var partitionHeader: HeaderName?
    /// The most calls that wait for a place, 0 to 2147483647. Default 0: Envoy and concurrency-limits refuse at once.
    public var maximumQueued: Int
    /// How long a call waits at most, greater than 0. Default 1 s: concurrency-limits' `LifoBlockingLimiter`.
    public var maximumWait: Nanoseconds
    /// Who is next. Default `lifo`: concurrency-limits' `LifoBlockingLimiter`.
    public var order: BulkheadConfiguration.Order
    /// The HTTP status that a proxy refuses with, 400 to 599. Default 503: `concurrency_limit_exceeded_status`.
    public var status: Int
    /// The key by which the runtime says whether it acts, with a truth value; empty for none. Default none
    /// (`enabled.runtime_key`).
    public var enabledKey: String

    /// Creates a configuration.
    public init(
        algorithm: Algorithm = .gradient2,
        window: LimitWindow? = LimitWindow(),
        partitions: [Partition] = [],
        partitionHeader: HeaderName? = nil,
        maximumQueued: Int = 0,
        maximumWait: Nanoseconds = .seconds(1),
        order: BulkheadConfiguration.Order = .lifo,
        status: Int = 503,
        mode: PolicyMode = .enforce,
        enabledKey: String = ""
    ) {
        self.algorithm = algorithm
        self.window = window
        self.partitions = partitions
        self.partitionHeader = partitionHeader
        self.maximumQueued = maximumQueued
        self.maximumWait = maximumWait
        self.order = order
        self.status = status
        self.mode = mode
        self.enabledKey = enabledKey
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("algorithm", algorithm.name, default: "gradient2", from: "concurrency-limits"),
        ] + algorithm.settings + (window?.settings ?? [PolicySetting("window", "none")]) + [
            PolicySetting("partitions", partitions.map(\.description), default: [], from: "concurrency-limits"),
            PolicySetting("partitionHeader", partitionHeader, default: nil, from: "MeshResilience"),
            PolicySetting("maximumQueued", maximumQueued, default: 0, from: "Envoy adaptive_concurrency"),
            PolicySetting("maximumWait", maximumWait, default: .seconds(1), from: "LifoBlockingLimiter"),
            PolicySetting("order", order, default: .lifo, from: "LifoBlockingLimiter"),
            PolicySetting("status", status, default: 503, from: "Envoy concurrency_limit_exceeded_status"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.nest("algorithm") { () throws(ConfigurationError) in try algorithm.validate() }
        if let window { problems.nest("window") { () throws(ConfigurationError) in try window.validate() } }
        for (index, partition) in partitions.enumerated() {
            problems.require(
                (0...1).contains(partition.share),
                "partitions[\(index)].share",
                "must be from 0 to 1, is \(partition.share)"
            )
        }
        problems.require(partitions.count <= 255, "partitions", "must be at most 255, are \(partitions.count)")
        problems.require(
            Set(partitions.map(\.name)).count == partitions.count,
            "partitions",
            "must have different names"
        )
        let sum = partitions.reduce(0) { $0 + $1.share }
        // Shares such as 0.7 + 0.2 + 0.1 add up to a little more than 1.
        problems.require(!(sum > 1 + 1e-9), "partitions", "must add up to at most 1, are \(sum)")
        problems.require(partitionHeader?.isValid ?? true, "partitionHeader", "must be a header's name")
        problems.require((400...599).contains(status), "status", "must be from 400 to 599, is \(status)")
        problems.nest("") { () throws(ConfigurationError) in try places.validate() }
        try problems.throwIfAny()
    }

    /// The places that calls take; their number is set by the algorithm.
    var places: BulkheadConfiguration {
        BulkheadConfiguration(
            maximumConcurrent: 1,
            maximumQueued: maximumQueued,
            maximumWait: maximumWait,
            order: order,
            mode: mode
        )
    }
}

extension AdaptiveLimitConfiguration.Algorithm {
    var name: String {
        switch self {
        case .aimd: "aimd"
        case .vegas: "vegas"
        case .gradient2: "gradient2"
        case .envoyGradient: "envoyGradient"
        case .correlatedVegas: "correlatedVegas"
        }
    }

    var settings: [PolicySetting] {
        switch self {
        case .aimd(let configuration): configuration.settings
        case .vegas(let configuration): configuration.settings
        case .gradient2(let configuration): configuration.settings
        case .envoyGradient(let configuration): configuration.settings
        case .correlatedVegas(let configuration): configuration.settings
        }
    }

    func validate() throws(ConfigurationError) {
        switch self {
        case .aimd(let configuration): try configuration.validate()
        case .vegas(let configuration): try configuration.validate()
        case .gradient2(let configuration): try configuration.validate()
        case .envoyGradient(let configuration): try configuration.validate()
        case .correlatedVegas(let configuration): try configuration.validate()
        }
    }

    /// The algorithm at its start.
    package func begin(window: LimitWindow?) -> any LimitAlgorithm {
        func windowed(_ algorithm: some LimitAlgorithm) -> any LimitAlgorithm {
            if let window { WindowedLimit(algorithm, window: window) } else { algorithm }
        }
        return switch self {
        case .aimd(let configuration): windowed(AIMDLimit(configuration))
        case .vegas(let configuration): windowed(VegasLimit(configuration))
        case .gradient2(let configuration): windowed(Gradient2Limit(configuration))
        case .envoyGradient(let configuration): EnvoyGradientLimit(configuration)
        case .correlatedVegas(let configuration): CorrelatedVegasLimit(configuration)
        }
    }
}
