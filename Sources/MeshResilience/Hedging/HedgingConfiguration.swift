// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When a call that is slow is made a second time beside the first.
public struct HedgingConfiguration: PolicyConfiguration {
    /// Hedging.
    public static var kind: PolicyKind { .hedge }

    /// The most attempts, the first included, 1 to 100; gRPC clamps to 5.
    ///
    /// Default 2: Polly's `MaxHedgedAttempts` of 1.
    public var maximumAttempts: Int
    /// How long an attempt may take before another is begun beside it; a fixed one is at most 1 h.
    ///
    /// Default 2 s: Polly's `Delay`.
    public var delay: HedgingDelay
    /// Whether an attempt that fails is followed by the next at once, without waiting for the delay.
    ///
    /// Default `true`: Polly, gRPC A6. Finagle's backups and Tower's hedges follow slowness alone: `false`.
    public var hedgesFailures: Bool
    /// What limits the hedges beside the budget that they share with retries; `nil` for nothing.
    ///
    /// Default 20 % and 10 a second over 10 s: the standard retry budget. Finagle's `BackupRequestFilter` has one of
    /// `maxExtraLoad` and 10 a second.
    public var ownBudget: RetryBudgetConfiguration?
    /// The HTTP status codes, 100 to 599, that the next attempt may still better; every other answer ends the call.
    /// `nil` means 500 and above.
    ///
    /// Default `nil`: Envoy's 5xx, as everywhere in the mesh.
    public var nonFatalStatusCodes: [Int]?
    /// The gRPC codes, 1 to 16, that the next attempt may still better, when they come in the response's head.
    ///
    /// Default none: gRPC A6's `nonFatalStatusCodes`.
    public var nonFatalGRPCStatusCodes: [Int]
    /// Whether a peer may delay the next attempt, or forbid it (`grpc-retry-pushback-ms`; `MeshError.retryAfter`).
    ///
    /// Default `true`: gRPC A6.
    public var honorsPushback: Bool
    /// Whether requests are hedged whose method RFC 9110 does not call idempotent, such as gRPC's POST.
    ///
    /// Default `false`: executing a request twice may do harm, and only its owner knows.
    public var hedgesNonIdempotent: Bool
    /// Whether the policy acts.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        maximumAttempts: Int = 2,
        delay: HedgingDelay = .fixed(.seconds(2)),
        hedgesFailures: Bool = true,
        ownBudget: RetryBudgetConfiguration? = RetryBudgetConfiguration(),
        nonFatalStatusCodes: [Int]? = nil,
        nonFatalGRPCStatusCodes: [Int] = [],
        honorsPushback: Bool = true,
        hedgesNonIdempotent: Bool = false,
        mode: PolicyMode = .enforce
    ) {
        self.maximumAttempts = maximumAttempts
        self.delay = delay
        self.hedgesFailures = hedgesFailures
        self.ownBudget = ownBudget
        self.nonFatalStatusCodes = nonFatalStatusCodes
        self.nonFatalGRPCStatusCodes = nonFatalGRPCStatusCodes
        self.honorsPushback = honorsPushback
        self.hedgesNonIdempotent = hedgesNonIdempotent
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let own = "swift-service-mesh"
        let budget = ownBudget.map { "\($0.percent) % and \($0.minimumPerSecond)/s over \($0.timeToLive.duration)" }
        return [
            PolicySetting("maximumAttempts", maximumAttempts, default: 2, from: "Polly MaxHedgedAttempts"),
            PolicySetting("delay", delay, default: .fixed(.seconds(2)), from: "Polly Delay"),
            PolicySetting("hedgesFailures", hedgesFailures, default: true, from: "Polly, gRPC A6"),
            ownBudget == RetryBudgetConfiguration()
                ? PolicySetting("ownBudget", budget, default: budget, from: "Finagle RetryBudget")
                : PolicySetting("ownBudget", budget),
            PolicySetting("nonFatalStatusCodes", nonFatalStatusCodes, default: nil, from: "Envoy 5xx"),
            PolicySetting("nonFatalGRPCStatusCodes", nonFatalGRPCStatusCodes, default: [], from: "gRPC A6"),
            PolicySetting("honorsPushback", honorsPushback, default: true, from: "gRPC A6"),
            PolicySetting("hedgesNonIdempotent", hedgesNonIdempotent, default: false, from: "RFC 9110 §9.2.2"),
            PolicySetting("mode", mode, default: .enforce, from: own),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...100).contains(maximumAttempts),
            "maximumAttempts",
            "must be from 1 to 100, is \(maximumAttempts)"
        )
        switch delay {
        case .fixed(let delay): problems.require(delay <= .seconds(3600), "delay", "must be at most 1 h")
        case .percentile(let percentile):
            _ = problems.nest("delay") { () throws(ConfigurationError) in
                var nested = ProblemCollector()
                percentile.note(&nested)
                try nested.throwIfAny()
            }
        case .afterFailure:
            problems.require(hedgesFailures, "hedgesFailures", "must be true when the delay is afterFailure")
        }
        if let ownBudget {
            _ = problems.nest("ownBudget") { () throws(ConfigurationError) in try ownBudget.validate() }
        }
        for (position, code) in (nonFatalStatusCodes ?? []).enumerated() {
            let path = "nonFatalStatusCodes[\(position)]"
            problems.require((100...599).contains(code), path, "must be from 100 to 599, is \(code)")
        }
        for (position, code) in nonFatalGRPCStatusCodes.enumerated() {
            let path = "nonFatalGRPCStatusCodes[\(position)]"
            problems.require((1...16).contains(code), path, "must be from 1 to 16, is \(code)")
        }
        try problems.throwIfAny()
    }
}
