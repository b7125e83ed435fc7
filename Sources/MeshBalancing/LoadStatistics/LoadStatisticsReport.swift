// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What happened to the requests to one cluster in a span of time (`envoy.config.endpoint.v3.ClusterStats`).
public struct LoadStatisticsReport: Hashable, Sendable {
    /// The requests to the endpoints of one place (`UpstreamLocalityStats`).
    public struct Place: Hashable, Sendable {
        /// Which place it is.
        public var locality: Locality
        /// Attempts that began.
        public var issued: UInt64
        /// Attempts whose endpoint did its work.
        public var succeeded: UInt64
        /// Attempts whose endpoint failed. Those that say nothing about it, because their caller gave them up, are
        /// neither.
        public var failed: UInt64
        /// Attempts that are under way at the end of the span, whenever they began.
        public var inProgress: UInt64
        /// What the endpoints reported, by the metrics' names in xDS.
        public var metrics: [String: LoadMetricSum]

        /// Creates the counts of a place.
        public init(
            locality: Locality,
            issued: UInt64 = 0,
            succeeded: UInt64 = 0,
            failed: UInt64 = 0,
            inProgress: UInt64 = 0,
            metrics: [String: LoadMetricSum] = [:]
        ) {
            self.locality = locality
            self.issued = issued
            self.succeeded = succeeded
            self.failed = failed
            self.inProgress = inProgress
            self.metrics = metrics
        }

        /// Whether there is nothing to tell.
        var isEmpty: Bool { issued | succeeded | failed | inProgress == 0 && metrics.isEmpty }
    }

    /// The cluster.
    public var cluster: String
    /// The name of its endpoint assignment, where that is another one; otherwise empty.
    public var service: String
    /// The places of its endpoints where there is something to tell, in the order of their names.
    public var places: [Place]
    /// Requests that were dropped as the control plane wants, by category.
    public var dropped: [String: UInt64]
    /// Requests that were refused because the cluster's limit was reached.
    public var overLimit: UInt64
    /// How long the span is.
    public var span: Nanoseconds

    /// Creates a report.
    public init(
        cluster: String,
        service: String = "",
        places: [Place] = [],
        dropped: [String: UInt64] = [:],
        overLimit: UInt64 = 0,
        span: Nanoseconds = .zero
    ) {
        self.cluster = cluster
        self.service = service
        self.places = places
        self.dropped = dropped
        self.overLimit = overLimit
        self.span = span
    }

    /// All that were dropped or refused: gRPC counts both (gRFC A27, A32).
    public var totalDropped: UInt64 { dropped.values.reduce(overLimit, &+) }

    /// Whether there is nothing to tell.
    var isEmpty: Bool { places.isEmpty && dropped.isEmpty && overLimit == 0 }
}

/// A metric that endpoints report, summed up over attempts (`EndpointLoadMetricStats`).
public struct LoadMetricSum: Hashable, Sendable {
    /// How many attempts had it.
    public var count: UInt64
    /// The sum of its values.
    public var total: Double

    /// Creates a sum.
    public init(count: UInt64 = 0, total: Double = 0) {
        self.count = count
        self.total = total
    }

    /// The sum of both.
    static func + (lhs: LoadMetricSum, rhs: LoadMetricSum) -> LoadMetricSum {
        LoadMetricSum(count: lhs.count &+ rhs.count, total: lhs.total + rhs.total)
    }
}
