// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Of two endpoints that are drawn, the one where a request is likely to wait less: its average latency times one more than its
/// requests under way (Finagle's `P2CPeakEwma`, Linkerd, Tower).
///
/// A slow answer counts at once and is forgotten slowly, so that an endpoint that stalls loses its traffic with the first
/// request that notices. An answer's latency is the time to its head.
public struct PeakEWMA: LoadBalancingPolicy {
    /// After how long an older latency counts for 1/e; greater than 0.
    ///
    /// Default 10 s: Finagle's `decayTime`, Linkerd's and Envoy's.
    public var decayTime: Nanoseconds
    /// What an endpoint is taken for that has not answered yet; `nil` for Finagle's rule: it is tried at once, and gets no second
    /// request before it has answered the first, as long as there are others.
    ///
    /// Default `nil`. Linkerd has 30 ms, and Envoy 10 ms.
    public var defaultLatency: Nanoseconds?
    /// What a failure counts for at least, whatever time it took: failing fast is not being fast. 0 for nothing.
    ///
    /// Default 5 s: Linkerd's penalty. Where the peer says when to come again, that counts, up to `maximumPenalty`.
    public var failurePenalty: Nanoseconds
    /// The largest penalty that a peer can give itself.
    ///
    /// Default 300 s: Linkerd's bound of `retry-after`.
    public var maximumPenalty: Nanoseconds

    /// Creates the policy.
    public init(
        decayTime: Nanoseconds = .seconds(10),
        defaultLatency: Nanoseconds? = nil,
        failurePenalty: Nanoseconds = .seconds(5),
        maximumPenalty: Nanoseconds = .seconds(300)
    ) {
        self.decayTime = decayTime
        self.defaultLatency = defaultLatency
        self.failurePenalty = failurePenalty
        self.maximumPenalty = maximumPenalty
    }

    /// The policy's name.
    public var name: String { "peak_ewma" }

    /// The name and the settings in words.
    public var summary: String {
        let unknown = defaultLatency.map { ", \($0.duration) before the first answer" } ?? ""
        return "\(name): decay \(decayTime.duration), a failure counts \(failurePenalty.duration)\(unknown)"
    }

    /// It wants to know how long endpoints take.
    public var observesAnswers: Bool { true }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(decayTime > .zero, "decayTime", "must be greater than 0")
        problems.require(
            maximumPenalty >= failurePenalty,
            "maximumPenalty",
            "must be at least failurePenalty, which is \(failurePenalty.duration)"
        )
        try problems.throwIfAny()
    }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        PeakEWMAPicker(endpoints, policy: self, random: random)
    }

    /// An endpoint has answered, or will not: its latency is taken in. That of a request whose caller gave up counts, too: it
    /// took at least as long.
    public func answered(_ answer: AttemptAnswer, by endpoint: EndpointState) {
        var latency = answer.latency
        if answer.outcome == .failure {
            let penalty = max(failurePenalty, answer.retryAfter ?? .zero)
            latency = max(latency, min(penalty, maximumPenalty))
        }
        endpoint.latencies.record(latency, at: answer.now, decayTime: decayTime)
    }
}
