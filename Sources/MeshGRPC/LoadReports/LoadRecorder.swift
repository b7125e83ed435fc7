// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
public import MeshCore
import Synchronization

/// What a server reports of its load: to each caller in the trailers of its call, and to those who ask for it apart from
/// calls, by `LoadReportService` (gRFC A51).
///
/// ```swift
/// let load = LoadRecorder()
/// load.update { $0.cpuUtilization = processor.load }      // from time to time
/// let server = GRPCServer(transport: .mesh(stack, load: load), services: [LoadReportService(load)])
/// ```
/// Callers that balance by it (gRFC A58) need calls a second, which are counted here, and a utilization, which is the
/// application's to say.
public final class LoadRecorder: Sendable {
    private struct State {
        var report = LoadReport()
        var rate = RequestRateStateMachine()
    }

    private let clock: any MeshClock
    private let countsCalls: Bool
    private let state = Mutex(State())

    /// Creates a recorder.
    /// - Parameters:
    ///   - countsCalls: Whether calls and failures a second are counted over the last ten seconds, in place of what is
    ///     set in `update`. Default `true`; gRPC's servers leave it to the application.
    ///   - clock: The clock that seconds are counted by.
    public init(countsCalls: Bool = true, clock: any MeshClock = SystemClock()) {
        self.countsCalls = countsCalls
        self.clock = clock
    }

    /// Changes what is reported from now on.
    public func update(_ change: (inout LoadReport) -> Void) {
        state.withLock { change(&$0.report) }
    }

    /// What is reported now.
    public var report: LoadReport {
        let now = clock.now
        return state.withLock { state in
            var report = state.report
            if countsCalls {
                let rates = state.rate.rates(at: now)
                (report.requestsPerSecond, report.errorsPerSecond) = (rates.calls, rates.failures)
            }
            return report
        }
    }

    /// A call has ended. Called by `MeshServerTransport`; other transports' users count by an interceptor.
    public func callEnded(succeeded: Bool) {
        guard countsCalls else { return }
        let now = clock.now
        state.withLock { $0.rate.ended(succeeded: succeeded, at: now) }
    }
}
