// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
import Synchronization

/// What a handler reports of the call that it serves, in its trailers (gRFC A51).
///
/// ```swift
/// CallLoadRecorder.current?.update { $0.namedMetrics["cost"] = 3 }
/// ```
/// What is set here goes before the server's own numbers, field by field.
public final class CallLoadRecorder: Sendable {
    private let report = Mutex<LoadReport?>(nil)

    /// The recorder of the call that the current task serves; `nil` outside of calls, and on other transports than
    /// `MeshServerTransport`.
    @TaskLocal public static var current: CallLoadRecorder?

    /// Creates a recorder that reports nothing.
    public init() {}

    /// Changes what is reported of the call.
    public func update(_ change: (inout LoadReport) -> Void) {
        report.withLock { report in
            var changed = report ?? LoadReport()
            change(&changed)
            report = changed
        }
    }

    /// What goes into the trailers; `nil` if there is nothing to report.
    func report(over load: LoadRecorder?) -> LoadReport? {
        let own = report.withLock { $0 }
        guard let load else { return own }
        let base = load.report
        guard let own else { return base }
        return own.completed(by: base)
    }
}

extension LoadReport {
    /// The report with another's values where it has none.
    func completed(by base: LoadReport) -> LoadReport {
        var report = self
        if report.cpuUtilization == 0 { report.cpuUtilization = base.cpuUtilization }
        if report.memoryUtilization == 0 { report.memoryUtilization = base.memoryUtilization }
        if report.applicationUtilization == 0 { report.applicationUtilization = base.applicationUtilization }
        if report.requestsPerSecond == 0 { report.requestsPerSecond = base.requestsPerSecond }
        if report.errorsPerSecond == 0 { report.errorsPerSecond = base.errorsPerSecond }
        report.utilization.merge(base.utilization) { own, _ in own }
        report.namedMetrics.merge(base.namedMetrics) { own, _ in own }
        return report
    }
}
