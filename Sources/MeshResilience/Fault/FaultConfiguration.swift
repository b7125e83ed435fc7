// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Faults to inject into a share of the requests (`envoy.extensions.filters.http.fault.v3.HTTPFault`).
public struct FaultConfiguration: Hashable, Sendable {
    /// A delay before the request goes on.
    public struct Delay: Hashable, Sendable {
        /// How long.
        public var duration: Nanoseconds
        /// The share of requests that are delayed.
        public var percentage: FractionalPercent

        /// Creates a delay.
        public init(duration: Nanoseconds, percentage: FractionalPercent) {
            self.duration = duration
            self.percentage = percentage
        }
    }

    /// An answer in place of the upstream's.
    public struct Abort: Hashable, Sendable {
        /// The status code, 200 to 599.
        public var status: Int
        /// The share of requests that are aborted.
        public var percentage: FractionalPercent

        /// Creates an abort.
        public init(status: Int, percentage: FractionalPercent) {
            self.status = status
            self.percentage = percentage
        }
    }

    /// The delay, if there is one. It comes before the abort, as in Envoy.
    public var delay: Delay?
    /// The abort, if there is one.
    public var abort: Abort?
    /// The faults apply only to requests whose headers match all of these.
    public var headers: [HeaderMatcher]

    /// Creates a configuration.
    public init(delay: Delay? = nil, abort: Abort? = nil, headers: [HeaderMatcher] = []) {
        self.delay = delay
        self.abort = abort
        self.headers = headers
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let delay {
            problems.require(
                delay.duration > .zero && delay.duration <= .seconds(86_400),
                "delay.duration",
                "must be above 0 and at most 24 h"
            )
        }
        if let abort {
            problems.require(
                (200...599).contains(abort.status),
                "abort.status",
                "must be from 200 to 599, is \(abort.status)"
            )
        }
        try problems.throwIfAny()
    }
}
