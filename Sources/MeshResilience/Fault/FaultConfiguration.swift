// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Faults to inject into a share of the calls (`envoy.extensions.filters.http.fault.v3.HTTPFault`).
public struct FaultConfiguration: PolicyConfiguration {
    /// A delay before the call goes on.
    public struct Delay: Hashable, Sendable {
        /// How long; the shortest, if there is a longest.
        public var duration: Nanoseconds
        /// The share of calls that are delayed.
        public var percentage: FractionalPercent
        /// The longest: each delay is drawn evenly from `duration` to it. Default `nil`, all delays are `duration`:
        /// Envoy's `fixed_delay`.
        public var upTo: Nanoseconds?
        /// Whether requests say how long, in whole milliseconds, in `x-envoy-fault-delay-request`; without that field they
        /// are not delayed. They may ask for a smaller share in `x-envoy-fault-delay-request-percentage`, whose
        /// denominator is that of `percentage`. `duration` and `upTo` are left aside. Default `false`.
        public var isByHeader: Bool

        /// Creates a delay that requests ask for (`header_delay`).
        public init(byHeader percentage: FractionalPercent) {
            self.init(duration: .zero, percentage: percentage)
            self.isByHeader = true
        }

        /// Creates a delay.
        public init(duration: Nanoseconds, percentage: FractionalPercent, upTo: Nanoseconds? = nil) {
            self.duration = duration
            self.percentage = percentage
            self.upTo = upTo
            self.isByHeader = false
        }

        /// How long a call with that random number is delayed.
        func drawn(using random: MeshRandom) -> Nanoseconds {
            guard let upTo, upTo > duration else { return duration }
            let spread = upTo.rawValue - duration.rawValue
            return Nanoseconds(rawValue: duration.rawValue + random.below(spread == .max ? spread : spread + 1))
        }
    }

    /// An answer in place of the upstream's.
    public struct Abort: Hashable, Sendable {
        /// The status code, 200 to 599.
        public var status: Int
        /// The share of calls that are aborted.
        public var percentage: FractionalPercent
        /// The gRPC status, 1 to 16, that gRPC's callers are answered with; others get HTTP status 200. Default `nil`: a
        /// plain HTTP answer.
        public var grpcStatus: Int?
        /// The body of the answer, or gRPC's message.
        ///
        /// Default `nil`: Envoy's `fault filter abort`.
        public var body: String?
        /// Whether requests say which status, 200 to 599, in `x-envoy-fault-abort-request`, or else gRPC's in
        /// `x-envoy-fault-abort-grpc-request`; without these fields they are not aborted. They may ask for a smaller
        /// share in `x-envoy-fault-abort-request-percentage`, whose denominator is that of `percentage`. Default `false`.
        public var isByHeader = false

        /// Creates an abort that requests ask for (`header_abort`).
        public init(byHeader percentage: FractionalPercent) {
            self.init(status: 200, percentage: percentage)
            self.isByHeader = true
        }

        /// Creates an abort with an HTTP status.
        public init(status: Int, percentage: FractionalPercent) {
            self.status = status
            self.percentage = percentage
        }

        /// Creates an abort with a gRPC status.
        public init(grpcStatus: Int, percentage: FractionalPercent) {
            self.status = 200
            self.percentage = percentage
            self.grpcStatus = grpcStatus
        }
    }

    /// How fast the bodies of responses come (`envoy.extensions.filters.common.fault.v3.FaultRateLimit`).
    public struct ResponseRate: Hashable, Sendable {
        /// How many KiB a second; at least 1.
        public var kibibytesPerSecond: UInt64
        /// The share of calls whose responses are slowed down.
        public var percentage: FractionalPercent
        /// Whether requests say how fast, in `x-envoy-fault-throughput-response`; without that field they are left alone.
        /// They may ask for a smaller share in `x-envoy-fault-throughput-response-percentage`, whose denominator is that
        /// of `percentage`. `kibibytesPerSecond` is left aside. Default `false`.
        public var isByHeader = false

        /// Creates a rate.
        public init(kibibytesPerSecond: UInt64, percentage: FractionalPercent) {
            self.kibibytesPerSecond = kibibytesPerSecond
            self.percentage = percentage
        }

        /// Creates a rate that requests ask for (`header_limit`).
        public init(byHeader percentage: FractionalPercent) {
            self.init(kibibytesPerSecond: 0, percentage: percentage)
            self.isByHeader = true
        }
    }

    /// How fast the bodies of responses come, if that is a fault. It comes before the delay, as in Envoy.
    ///
    /// It acts where the adapter that hands out bodies keeps to `CallContext.responseBytesPerSecond`.
    public var responseRate: ResponseRate?
    /// The delay, if there is one. It comes before the abort, as in Envoy.
    public var delay: Delay?
    /// The abort, if there is one.
    public var abort: Abort?
    /// The faults apply only to requests whose headers match all of these.
    public var headers: [HeaderMatcher]
    /// The faults apply only to requests that go to this cluster; empty for any (`upstream_cluster`).
    public var upstreamCluster: String
    /// The faults apply only to requests whose `x-envoy-downstream-service-node` is one of these; empty for any
    /// (`downstream_nodes`).
    public var downstreamNodes: Set<String>
    /// How long faults are injected; then the injector switches itself off, so that no experiment is forgotten.
    ///
    /// Default forever: Envoy has no such field.
    public var timeToLive: Nanoseconds
    /// How many calls may suffer at once, at least 1; further ones are left alone. A request of a mesh suffers until its
    /// response has been read, any other call while it is held back.
    ///
    /// Default `nil`, any number: `max_active_faults`, which counts a request until its stream has ended.
    public var maximumActive: Int?
    /// Whether it acts.
    ///
    /// Default `enforce`.
    public var mode: PolicyMode
    /// The keys by which the runtime says other things. Default: Envoy's.
    public var runtimeKeys: FaultRuntimeKeys

    /// Creates a configuration.
    public init(
        delay: Delay? = nil,
        abort: Abort? = nil,
        responseRate: ResponseRate? = nil,
        headers: [HeaderMatcher] = [],
        upstreamCluster: String = "",
        downstreamNodes: Set<String> = [],
        timeToLive: Nanoseconds = .forever,
        maximumActive: Int? = nil,
        mode: PolicyMode = .enforce,
        runtimeKeys: FaultRuntimeKeys = .envoy
    ) {
        self.delay = delay
        self.abort = abort
        self.responseRate = responseRate
        self.headers = headers
        self.upstreamCluster = upstreamCluster
        self.downstreamNodes = downstreamNodes
        self.timeToLive = timeToLive
        self.maximumActive = maximumActive
        self.mode = mode
        self.runtimeKeys = runtimeKeys
    }

    /// Fault injection.
    public static var kind: PolicyKind { .fault }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let envoy = "Envoy HTTPFault"
        return [
            PolicySetting("delay.duration", delay?.duration, default: nil, from: envoy),
            PolicySetting("delay.byHeader", delay?.isByHeader ?? false, default: false, from: envoy),
            PolicySetting("delay.upTo", delay?.upTo, default: nil, from: "Envoy HTTPFault fixed_delay"),
            PolicySetting("delay.percentage", delay?.percentage, default: nil, from: envoy),
            PolicySetting("abort.status", abort?.status, default: nil, from: envoy),
            PolicySetting("abort.byHeader", abort?.isByHeader ?? false, default: false, from: envoy),
            PolicySetting("abort.grpcStatus", abort?.grpcStatus, default: nil, from: envoy),
            PolicySetting("abort.percentage", abort?.percentage, default: nil, from: envoy),
            PolicySetting("responseRate", responseRate?.description, default: nil, from: envoy),
            PolicySetting("headers", headers.count, default: 0, from: envoy),
            PolicySetting("upstreamCluster", upstreamCluster, default: "", from: envoy),
            PolicySetting("downstreamNodes", downstreamNodes.count, default: 0, from: envoy),
            PolicySetting("timeToLive", timeToLive, default: .forever, from: "swift-service-mesh"),
            PolicySetting("maximumActive", maximumActive, default: nil, from: "Envoy HTTPFault max_active_faults"),
            PolicySetting("mode", mode.rawValue, default: "enforce", from: "every policy"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let delay, !delay.isByHeader {
            problems.require(
                delay.duration > .zero && delay.duration <= .seconds(86_400),
                "delay.duration",
                "must be above 0 and at most 24 h"
            )
            if let upTo = delay.upTo {
                problems.require(
                    upTo >= delay.duration && upTo <= .seconds(86_400),
                    "delay.upTo",
                    "must be at least the duration and at most 24 h"
                )
            }
        }
        if let abort {
            problems.require(
                (200...599).contains(abort.status),
                "abort.status",
                "must be from 200 to 599, is \(abort.status)"
            )
            if let grpcStatus = abort.grpcStatus {
                problems.require(
                    (1...16).contains(grpcStatus),
                    "abort.grpcStatus",
                    "must be from 1 to 16, is \(grpcStatus)"
                )
                problems.require(abort.status == 200, "abort.status", "must be 200 with a gRPC status")
            }
        }
        if let responseRate, !responseRate.isByHeader {
            problems.require(
                responseRate.kibibytesPerSecond >= 1,
                "responseRate.kibibytesPerSecond",
                "must be at least 1"
            )
        }
        problems.require(timeToLive > .zero, "timeToLive", "must be above 0")
        if let maximumActive {
            problems.require(maximumActive >= 1, "maximumActive", "must be at least 1, is \(maximumActive)")
        }
        try problems.throwIfAny()
    }
}

extension FaultConfiguration.ResponseRate: CustomStringConvertible {
    /// For people: `64 KiB/s for 10.0%`.
    public var description: String {
        (isByHeader ? "as requests ask" : "\(kibibytesPerSecond) KiB/s") + " for \(percentage)"
    }
}

extension FaultConfiguration {
    /// Whether something besides chance decides which requests get faults.
    var hasConditions: Bool { !headers.isEmpty || !downstreamNodes.isEmpty || !upstreamCluster.isEmpty }

    /// Whether requests say which faults they want.
    var asksRequests: Bool {
        delay?.isByHeader ?? false || abort?.isByHeader ?? false || responseRate?.isByHeader ?? false
    }
}
