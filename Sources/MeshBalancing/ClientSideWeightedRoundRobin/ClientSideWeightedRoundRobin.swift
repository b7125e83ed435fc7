// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Turns by the weights that endpoints' load reports give them
/// (`envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3`, gRFC A58).
///
/// An endpoint's weight is the requests that it serves a second, divided by its utilization and a penalty for its
/// errors: how many it would serve with all of its capacity. The reports come with responses
/// (`endpoint-load-metrics-bin` of gRPC, `endpoint-load-metrics` of Envoy), or from a call to each endpoint that stays
/// open (`outOfBandReportingPeriod`). An endpoint without a usable weight gets
/// the mean, and where fewer than two have one, all have the same. Weights that the control plane gives are left aside.
public struct ClientSideWeightedRoundRobin: LoadBalancingPolicy {
    /// For how long an endpoint must have reported before its weight counts.
    ///
    /// Default 10 s: gRPC's and Envoy's `blackout_period`. 0 for at once.
    public var blackoutPeriod: Nanoseconds
    /// After how long without a report a weight counts no more.
    ///
    /// Default 3 min: gRPC's and Envoy's `weight_expiration_period`. With 0 none ever counts.
    public var weightExpirationPeriod: Nanoseconds
    /// How often weights are taken from the reports; at least 100 ms.
    ///
    /// Default 1 s: gRPC's and Envoy's `weight_update_period`. Whoever picks first after that does it.
    public var weightUpdatePeriod: Nanoseconds
    /// How much the share of errors adds to the utilization; at least 0.
    ///
    /// Default 1: `error_utilization_penalty` of gRPC and as Envoy documents it. Envoy's code has 0 where nothing is
    /// said.
    public var errorUtilizationPenalty: Double
    /// The metrics whose greatest is the utilization where an endpoint reports no `application_utilization`, by their
    /// names in xDS (`cpu_utilization`, `named_metrics.queue`); at most 32.
    ///
    /// Default none: then it is `cpu_utilization` (`metric_names_for_computing_utilization`, gRFC A114). Envoy 1.40
    /// asks for these first.
    public var utilizationMetrics: [String]
    /// How new endpoints get their part; `nil` for all of it at once.
    ///
    /// Default `nil`: Envoy's `slow_start_config`; gRPC has none.
    public var slowStart: SlowStart?
    /// How often endpoints report apart from responses, as far as they are willing; at least 100 ms. Reports of responses
    /// are not looked at then. `nil` for the reports of responses.
    ///
    /// Default `nil`: `enable_oob_load_report` of gRPC and Envoy is off. Where it is on and nothing else is said, it is
    /// 10 s (`oob_reporting_period`).
    public var outOfBandReportingPeriod: Nanoseconds?

    /// Creates the policy.
    public init(
        blackoutPeriod: Nanoseconds = .seconds(10),
        weightExpirationPeriod: Nanoseconds = .seconds(180),
        weightUpdatePeriod: Nanoseconds = .seconds(1),
        errorUtilizationPenalty: Double = 1,
        utilizationMetrics: [String] = [],
        slowStart: SlowStart? = nil,
        outOfBandReportingPeriod: Nanoseconds? = nil
    ) {
        self.blackoutPeriod = blackoutPeriod
        self.weightExpirationPeriod = weightExpirationPeriod
        self.weightUpdatePeriod = weightUpdatePeriod
        self.errorUtilizationPenalty = errorUtilizationPenalty
        self.utilizationMetrics = utilizationMetrics
        self.slowStart = slowStart
        self.outOfBandReportingPeriod = outOfBandReportingPeriod
    }

    /// The least time between two updates: gRPC's bound of `weight_update_period`.
    public static let leastUpdatePeriod = Nanoseconds.milliseconds(100)
    /// The least time between two reports apart from responses: ours, because each report of each endpoint is read.
    public static let leastReportingPeriod = Nanoseconds.milliseconds(100)
    /// The time between them where nothing else is said: gRPC's and Envoy's.
    public static let standardReportingPeriod = Nanoseconds.seconds(10)
    /// How many metrics may be named: ours, because each report is searched for them.
    public static let mostUtilizationMetrics = 32

    /// The policy's name.
    public var name: String { "client_side_weighted_round_robin" }

    /// The name and the settings in words.
    public var summary: String {
        var parts = [
            "reports count after \(blackoutPeriod.duration) and for \(weightExpirationPeriod.duration)",
            "weights every \(weightUpdatePeriod.duration)", "error penalty \(errorUtilizationPenalty)",
        ]
        if let outOfBandReportingPeriod {
            parts.insert("out-of-band reports every \(outOfBandReportingPeriod.duration)", at: 0)
        }
        if !utilizationMetrics.isEmpty { parts.append("by \(utilizationMetrics.joined(separator: ", "))") }
        if let slowStart { parts.append(slowStart.summary) }
        return "\(name): \(parts.joined(separator: ", "))"
    }

    /// It wants to know what endpoints report with their answers, unless they are asked apart from these (gRFC A58).
    public var observesLoad: Bool { outOfBandReportingPeriod == nil }

    /// How often they are asked.
    public var loadReportPeriod: Nanoseconds? { outOfBandReportingPeriod }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            weightUpdatePeriod >= Self.leastUpdatePeriod,
            "weightUpdatePeriod",
            "must be at least \(Self.leastUpdatePeriod.duration), is \(weightUpdatePeriod.duration)"
        )
        problems.require(
            errorUtilizationPenalty >= 0 && errorUtilizationPenalty.isFinite,
            "errorUtilizationPenalty",
            "must be a number of at least 0, is \(errorUtilizationPenalty)"
        )
        problems.require(
            utilizationMetrics.count <= Self.mostUtilizationMetrics,
            "utilizationMetrics",
            "must be at most \(Self.mostUtilizationMetrics), are \(utilizationMetrics.count)"
        )
        for (position, metric) in utilizationMetrics.enumerated() {
            problems.require(!metric.isEmpty, "utilizationMetrics[\(position)]", "is empty")
        }
        slowStart?.validate(&problems)
        if let outOfBandReportingPeriod {
            problems.require(
                outOfBandReportingPeriod >= Self.leastReportingPeriod,
                "outOfBandReportingPeriod",
                "must be at least \(Self.leastReportingPeriod.duration), is \(outOfBandReportingPeriod.duration)"
            )
        }
        try problems.throwIfAny()
    }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        ReportedWeightsPicker(endpoints, policy: self, random: random)
    }

    /// An endpoint has reported its load: its weight is taken from it, if it says enough for one.
    public func reported(_ report: LoadReport, by endpoint: EndpointState, at now: MeshInstant) {
        guard let weight = weight(of: report) else { return }
        endpoint.loads.record(weight, at: now, expiration: weightExpirationPeriod)
    }

    /// The weight that a report gives (gRFC A58 with A114).
    /// - Returns: `nil` for a report without requests or without a utilization, which says nothing of the capacity.
    func weight(of report: LoadReport) -> Double? {
        let requests = report.requestsPerSecond
        let utilization = utilization(of: report)
        guard requests > 0, utilization > 0 else { return nil }
        let weight = requests / (utilization + report.errorsPerSecond / requests * errorUtilizationPenalty)
        guard weight > 0 else { return nil }
        // Envoy's upper bound. The lower one keeps quotients of two weights finite.
        return min(max(weight, 1e-30), Double(UInt32.max))
    }

    private func utilization(of report: LoadReport) -> Double {
        if report.applicationUtilization > 0 { return report.applicationUtilization }
        var greatest = 0.0
        for name in utilizationMetrics {
            if let value = report[metric: name] { greatest = max(greatest, value) }
        }
        return greatest > 0 ? greatest : report.cpuUtilization
    }
}
