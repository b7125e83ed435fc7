// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When requests are refused, and which of them first.
public struct LoadShedderConfiguration: PolicyConfiguration {
    /// The policy.
    public static var kind: PolicyKind { .loadShedding }
    /// Whether it acts. Default `enforce`.
    public var mode: PolicyMode
    /// How many requests are served at once, from 1; what is under way beyond it counts as queue. `nil`: the length of
    /// the queue is no signal. Default `nil`: only who runs the service knows.
    public var capacity: Int?
    /// From how many times the capacity the queue leads to refusals, from 1. Default 2: failsafe-go.
    public var queueFrom: Double
    /// At how many times the capacity every request is refused; in between the share grows evenly. Default 3: failsafe-go.
    public var queueTo: Double
    /// From what delay of the queue on requests are refused, greater than 0; `nil`: the delay is no signal. Default `nil`.
    public var delayFrom: Nanoseconds?
    /// At what delay every request is refused; in between the share grows evenly.
    ///
    /// Default 100 ms: the interval of Facebook's controlled delay.
    public var delayTo: Nanoseconds
    /// The least delay of so long counts, so that a burst is none. Default 100 ms: CoDel's interval.
    public var delayInterval: Nanoseconds
    /// From what system load on no more may be under way than the best throughput and the shortest latency explain,
    /// greater than 0; `nil`: no such rule. Default `nil`: Sentinel has no default either.
    public var loadTrigger: Double?
    /// How long the best throughput and the shortest latency are remembered. Default 10 s.
    public var loadWindow: Nanoseconds
    /// The header that carries the criticality. Default `x-criticality`.
    public var criticalityHeader: HeaderName
    /// The header that names the user whose requests are counted, for fair shares; `nil`: no such shares. Default `nil`.
    public var userHeader: HeaderName?
    /// The criticality of a request that has none. Default `critical`: Google's.
    public var defaultCriticality: Criticality
    /// After so long half of what users and priorities were seen is forgotten. Default 10 s.
    public var memory: Nanoseconds

    /// Creates a configuration.
    public init(
        capacity: Int? = nil,
        queueFrom: Double = 2,
        queueTo: Double = 3,
        delayFrom: Nanoseconds? = nil,
        delayTo: Nanoseconds = .milliseconds(100),
        delayInterval: Nanoseconds = .milliseconds(100),
        loadTrigger: Double? = nil,
        loadWindow: Nanoseconds = .seconds(10),
        criticalityHeader: HeaderName = "x-criticality",
        userHeader: HeaderName? = nil,
        defaultCriticality: Criticality = .critical,
        memory: Nanoseconds = .seconds(10),
        mode: PolicyMode = .enforce
    ) {
        self.capacity = capacity
        self.queueFrom = queueFrom
        self.queueTo = queueTo
        self.delayFrom = delayFrom
        self.delayTo = delayTo
        self.delayInterval = delayInterval
        self.loadTrigger = loadTrigger
        self.loadWindow = loadWindow
        self.criticalityHeader = criticalityHeader
        self.userHeader = userHeader
        self.defaultCriticality = defaultCriticality
        self.memory = memory
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("capacity", capacity, default: nil, from: "MeshResilience"),
            PolicySetting("queueFrom", queueFrom, default: 2, from: "failsafe-go initialRejectionFactor"),
            PolicySetting("queueTo", queueTo, default: 3, from: "failsafe-go maxRejectionFactor"),
            PolicySetting("delayFrom", delayFrom, default: nil, from: "MeshResilience"),
            PolicySetting("delayTo", delayTo, default: .milliseconds(100), from: "controlled delay"),
            PolicySetting("delayInterval", delayInterval, default: .milliseconds(100), from: "CoDel"),
            PolicySetting("loadTrigger", loadTrigger, default: nil, from: "Sentinel"),
            PolicySetting("loadWindow", loadWindow, default: .seconds(10), from: "MeshResilience"),
            PolicySetting("criticalityHeader", criticalityHeader, default: "x-criticality", from: "MeshResilience"),
            PolicySetting("userHeader", userHeader, default: nil, from: "MeshResilience"),
            PolicySetting("defaultCriticality", defaultCriticality, default: .critical, from: "Google SRE book"),
            PolicySetting("memory", memory, default: .seconds(10), from: "MeshResilience"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let capacity {
            problems.require(
                (1...Int(Int32.max)).contains(capacity),
                "capacity",
                "must be from 1 to 2147483647, is \(capacity)"
            )
        }
        problems.require(
            queueFrom >= 1 && queueFrom.isFinite,
            "queueFrom",
            "must be at least 1 and finite, is \(queueFrom)"
        )
        problems.require(
            queueTo >= queueFrom && queueTo.isFinite,
            "queueTo",
            "must be finite and not less than queueFrom, is \(queueTo)"
        )
        if let delayFrom {
            problems.require(delayFrom > .zero, "delayFrom", "must be greater than 0")
            problems.require(delayTo >= delayFrom, "delayTo", "must not be less than delayFrom")
        }
        problems.require(delayInterval > .zero, "delayInterval", "must be greater than 0")
        if let loadTrigger {
            problems.require(
                loadTrigger > 0 && loadTrigger.isFinite,
                "loadTrigger",
                "must be greater than 0 and finite, is \(loadTrigger)"
            )
        }
        problems.require(
            loadWindow >= .seconds(1),
            "loadWindow",
            "must be at least 1 s, or a throughput of a moment would count as one"
        )
        problems.require(criticalityHeader.isValid, "criticalityHeader", "must be a header's name")
        problems.require(userHeader?.isValid ?? true, "userHeader", "must be a header's name")
        problems.require(memory > .zero, "memory", "must be greater than 0")
        try problems.throwIfAny()
    }
}
