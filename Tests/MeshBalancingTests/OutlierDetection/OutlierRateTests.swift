// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

/// What an interval's successes and failures lead to.
@Suite struct OutlierRateTests {
    private typealias Machine = OutlierDetectionStateMachine

    private let start = MeshInstant(nanoseconds: 0)

    private func address(_ number: Int) -> EndpointAddress {
        EndpointAddress(host: "e\(number)", port: 80)
    }

    /// Who breaks which rule when an interval ends in which so many of each endpoint's requests failed.
    private func findings(
        _ failures: [UInt64],
        of total: UInt64 = 100,
        isLocalOrigin: Bool = false,
        _ change: (inout OutlierDetection) -> Void = { _ in }
    ) -> [String] {
        var configuration = OutlierDetection(maximumEjectionPercent: 100)
        change(&configuration)
        var machine = Machine(configuration, at: start)
        let samples = failures.enumerated().map { number, failures in
            let rate = Machine.Rate(total: total, failures: failures)
            return isLocalOrigin
                ? Machine.Sample(address(number), answers: .init(), localOrigin: rate)
                : Machine.Sample(address(number), answers: rate)
        }
        let action = machine.timePassed(at: start.advanced(by: .seconds(10)), samples, random: { 99 })
        return action.findings.map { finding in
            let isEjected = if case .ejected = finding.consequence { true } else { false }
            return "\(finding.address.host) \(finding.cause.rawValue)\(isEjected ? "" : " \(finding.consequence)")"
        }
    }

    // The comment in Envoy's `DetectorImpl::successRateEjectionThreshold`, with its own factor of 1.9.
    @Test func `the threshold of 50, 100, 100, 100 and 100 is 52`() {
        #expect(Machine.leastSuccess([50, 100, 100, 100, 100], .init()) == 52)
        #expect(Machine.leastSuccess([50, 100, 100, 100], .init()) == nil)
        #expect(Machine.leastSuccess([], .init(minimumEndpoints: 0)) == nil)
    }

    @Test func `who succeeds more rarely than the others is ejected`() {
        #expect(findings([50, 0, 0, 0, 0]) == ["e0 success_rate"])
        #expect(findings([47, 0, 0, 0, 0]) == ["e0 success_rate"])
        #expect(findings([50, 50, 50, 50, 50]).isEmpty)
        #expect(findings([50, 0, 0, 0]).isEmpty, "four endpoints are too few")
        #expect(findings([49, 0, 0, 0, 0], of: 99).isEmpty, "99 requests are too few")
        // 50 is not below the mean of 90 less two deviations of 20.
        #expect(findings([50, 0, 0, 0, 0]) { $0.successRate = .init(standardDeviationFactor: 2_000) }.isEmpty)
        #expect(findings([50, 0, 0, 0, 0]) { $0.successRate = nil }.isEmpty)
    }

    // Envoy compares with ≥, gRFC A50 with >.
    @Test func `who fails too often is ejected, where that is enforced`() {
        let enforced = { (configuration: inout OutlierDetection) in
            configuration.successRate = nil
            configuration.failurePercentage?.enforcing = 100
        }
        #expect(findings([85, 84, 0, 0, 86], enforced) == ["e0 failure_percentage", "e4 failure_percentage"])
        #expect(
            findings([85, 84, 0, 0, 86]) {
                enforced(&$0); $0.mode = .grpc
            } == ["e4 failure_percentage"]
        )
        #expect(findings([85, 85, 85, 85], enforced).isEmpty, "four endpoints are too few")
        #expect(findings([49, 49, 49, 49, 49], of: 49, enforced).isEmpty, "49 requests are too few")
        #expect(findings([50, 50, 50, 50, 50], of: 50, enforced).count == 5)
        // Envoy's default.
        #expect(findings([85, 0, 0, 0, 0]) { $0.successRate = nil } == ["e0 failure_percentage notEnforced"])
    }

    @Test func `what is counted apart is judged apart`() {
        #expect(findings([50, 0, 0, 0, 0], isLocalOrigin: true) == ["e0 local_origin_success_rate"])
        let failing = findings([90, 0, 0, 0, 0], isLocalOrigin: true) {
            $0.successRate = nil
            $0.failurePercentage?.enforcingLocalOrigin = 100
        }
        #expect(failing == ["e0 local_origin_failure_percentage"])
    }

    @Test func `an endpoint that breaks both rules is ejected once`() {
        #expect(findings([90, 0, 0, 0, 0]) { $0.failurePercentage?.enforcing = 100 } == ["e0 success_rate"])
    }

    @Test func `a storm stays under the limit`() {
        let found = findings(Array(repeating: 90, count: 10)) {
            $0.maximumEjectionPercent = 30
            $0.failurePercentage?.enforcing = 100
        }
        #expect(found.filter { $0.hasSuffix("failure_percentage") }.count == 3)
        #expect(found.filter { $0.hasSuffix("overLimit") }.count == 7)
    }

    @Test func `nothing, no endpoint and no request trap nothing`() {
        #expect(findings([]).isEmpty)
        #expect(findings([0, 0, 0, 0, 0], of: 0) { $0.successRate = .init(requestVolume: 0) }.isEmpty)
        #expect(findings([.max, 0, 0, 0, 0], of: .max) == ["e0 success_rate"])
    }

    @Test func `intervals that nobody looked at are one`() {
        var machine = Machine(OutlierDetection(), at: start)
        _ = machine.timePassed(at: start.advanced(by: .seconds(35)), [], random: { 0 })
        #expect(machine.nextInterval == start.advanced(by: .seconds(40)))
    }
}
