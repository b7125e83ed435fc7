// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What an endpoint says of its load (`xds.data.orca.v3.OrcaLoadReport`, gRFC A51).
///
/// 0 stands for what it does not say. Utilizations are shares of a capacity: 1 is all of it, and more is possible where
/// a soft limit is exceeded.
public struct LoadReport: Hashable, Sendable {
    /// How much of its processors it uses; at least 0.
    public var cpuUtilization: Double
    /// How much of its memory it uses; at least 0.
    public var memoryUtilization: Double
    /// How much of its capacity it uses by the application's own measure; at least 0.
    public var applicationUtilization: Double
    /// Requests a second that it serves; at least 0.
    public var requestsPerSecond: Double
    /// Errors a second among them; at least 0.
    public var errorsPerSecond: Double
    /// How much of other resources it uses, by their names; each at least 0.
    public var utilization: [String: Double]
    /// What else it measures; any numbers.
    public var namedMetrics: [String: Double]

    /// Creates a report.
    public init(
        cpuUtilization: Double = 0,
        memoryUtilization: Double = 0,
        applicationUtilization: Double = 0,
        requestsPerSecond: Double = 0,
        errorsPerSecond: Double = 0,
        utilization: [String: Double] = [:],
        namedMetrics: [String: Double] = [:]
    ) {
        self.cpuUtilization = cpuUtilization
        self.memoryUtilization = memoryUtilization
        self.applicationUtilization = applicationUtilization
        self.requestsPerSecond = requestsPerSecond
        self.errorsPerSecond = errorsPerSecond
        self.utilization = utilization
        self.namedMetrics = namedMetrics
    }

    /// A metric by its name in xDS: that of a field, or of a map and the key in it, as in `named_metrics.queue`.
    /// - Returns: `nil` if there is no such metric in the report.
    public subscript(metric name: String) -> Double? {
        if let field = Self.field(name) { return self[keyPath: field] }
        if name.hasPrefix(Self.namedMetricPrefix) {
            return namedMetrics[String(name.dropFirst(Self.namedMetricPrefix.count))]
        }
        if name.hasPrefix(Self.utilizationPrefix) {
            return utilization[String(name.dropFirst(Self.utilizationPrefix.count))]
        }
        return nil
    }
}

extension LoadReport {
    /// The most characters that a report may take in a header; ours, for what a peer can make us read.
    public static let maximumLength = 8_192
    /// The most entries that the maps of a report may have together; likewise.
    public static let maximumMetrics = 100

    static let namedMetricPrefix = "named_metrics."
    static let utilizationPrefix = "utilization."

    /// The field that is a number, by its name in the message.
    static func field(_ name: String) -> WritableKeyPath<LoadReport, Double>? {
        switch name {
        case "cpu_utilization": \.cpuUtilization
        case "mem_utilization": \.memoryUtilization
        case "application_utilization": \.applicationUtilization
        case "rps_fractional": \.requestsPerSecond
        case "eps": \.errorsPerSecond
        default: nil
        }
    }

    /// How many entries its maps have together.
    var metricCount: Int { utilization.count + namedMetrics.count }

    /// Checks the ranges of what was read.
    /// - Throws: `LoadReportError.outOfRange` with the name of the first one that is broken.
    func validate() throws(LoadReportError) {
        guard Self.isShare(cpuUtilization) else { throw .outOfRange("cpu_utilization") }
        guard Self.isShare(memoryUtilization) else { throw .outOfRange("mem_utilization") }
        guard Self.isShare(applicationUtilization) else { throw .outOfRange("application_utilization") }
        guard Self.isShare(requestsPerSecond) else { throw .outOfRange("rps_fractional") }
        guard Self.isShare(errorsPerSecond) else { throw .outOfRange("eps") }
        guard utilization.values.allSatisfy(Self.isShare) else { throw .outOfRange("utilization") }
        guard namedMetrics.values.allSatisfy(\.isFinite) else { throw .outOfRange("named_metrics") }
        guard metricCount <= Self.maximumMetrics else { throw .tooManyMetrics }
    }

    private static func isShare(_ value: Double) -> Bool { value >= 0 && value.isFinite }
}

/// Why a load report is not used.
public enum LoadReportError: Error, Hashable, Sendable {
    /// It takes more characters than `LoadReport.maximumLength`.
    case tooLong
    /// Its first word is none of `TEXT`, `JSON` and `BIN`.
    case unknownFormat
    /// It is not written as its form demands.
    case malformed(String)
    /// A metric is below 0 or no number.
    case outOfRange(String)
    /// It has more metrics than `LoadReport.maximumMetrics`.
    case tooManyMetrics
    /// A metric stands in it twice.
    case duplicate(String)

    /// The reason, for logs.
    public var reason: String {
        switch self {
        case .tooLong: "is longer than \(LoadReport.maximumLength) characters"
        case .unknownFormat: "begins with none of TEXT, JSON and BIN"
        case .malformed(let what): "is not \(what)"
        case .outOfRange(let name): "has no number of at least 0 for \(name)"
        case .tooManyMetrics: "has more than \(LoadReport.maximumMetrics) metrics"
        case .duplicate(let name): "has \(name) twice"
        }
    }
}
