// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which of the metrics that endpoints report with their answers are summed up for the control plane
/// (`envoy.config.cluster.v3.Cluster.lrs_report_endpoint_metrics`, gRFC A85).
public struct LoadMetricSelection: Hashable, Sendable {
    /// Metrics by their names in xDS: `cpu_utilization`, `mem_utilization`, `application_utilization`,
    /// `rps_fractional`, `eps`, `named_metrics.NAME`, `utilization.NAME`; at most 100, each with at most 256 bytes.
    ///
    /// `named_metrics.*` and `utilization.*` stand for all of a map. Default none, as in gRFC A85.
    public var names: Set<String>

    /// Creates a selection.
    public init(_ names: Set<String> = []) {
        self.names = names
    }

    /// Nothing of what endpoints report.
    public static let none = LoadMetricSelection()

    /// Whether nothing is selected, so that nobody needs to look for reports.
    public var isEmpty: Bool { names.isEmpty }

    /// The most names that it may have.
    public static let maximumNames = 100
    /// The most bytes that a name may have.
    public static let maximumNameLength = 256

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            names.count <= Self.maximumNames,
            "names",
            "must be at most \(Self.maximumNames), are \(names.count)"
        )
        for name in names.sorted() where !Self.isMetric(name) {
            problems.note("names[\(name)]", "is no metric of a load report")
        }
        try problems.throwIfAny()
    }

    /// Whether a load report may have a metric of that name.
    public static func isMetric(_ name: String) -> Bool {
        guard name.utf8.count <= maximumNameLength else { return false }
        if LoadReport.field(name) != nil { return true }
        return [LoadReport.namedMetricPrefix, LoadReport.utilizationPrefix].contains { prefix in
            name.hasPrefix(prefix) && name.count > prefix.count
        }
    }

    /// Calls `body` with the name and the value of each metric of a report that is selected. A field that is 0 was not
    /// reported; an entry of a map was, whatever its value.
    func forEach(in report: LoadReport, _ body: (_ name: String, _ value: Double) -> Void) {
        for name in names {
            switch name {
            case LoadReport.namedMetricPrefix + "*":
                for (key, value) in report.namedMetrics { body(LoadReport.namedMetricPrefix + key, value) }
            case LoadReport.utilizationPrefix + "*":
                for (key, value) in report.utilization { body(LoadReport.utilizationPrefix + key, value) }
            default:
                guard !isCovered(name), let value = report[metric: name] else { continue }
                guard value != 0 || LoadReport.field(name) == nil else { continue }
                body(name, value)
            }
        }
    }

    /// Whether a name for a whole map stands for this one, too: nothing is counted twice.
    private func isCovered(_ name: String) -> Bool {
        [LoadReport.namedMetricPrefix, LoadReport.utilizationPrefix].contains { prefix in
            name.hasPrefix(prefix) && names.contains(prefix + "*")
        }
    }
}
