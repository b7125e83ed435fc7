// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshTesting
import Testing

@Suite struct OutlierDetectorTests {
    private let fixture = PickerFixture(count: 2)
    private let observer = RecordingObserver()

    private func detector(_ configuration: OutlierDetection) -> OutlierDetector {
        OutlierDetector(
            configuration,
            cluster: "reviews",
            observers: ObserverSet([observer]),
            random: MeshRandom(seed: 1),
            now: fixture.now
        )
    }

    private func report(_ detector: OutlierDetector, _ results: [AttemptResult], at now: MeshInstant? = nil) {
        for result in results {
            detector.attemptEnded(result, at: fixture.endpoints[0], endpointCount: 2, now: now ?? fixture.now)
        }
    }

    private var isEjected: Bool { !fixture.endpoints[0].isAvailable(at: fixture.now) }

    private static let broken = AttemptResult.failure(status: 500)
    private static let unavailable = AttemptResult.failure(status: 503)
    private static let unreachable = AttemptResult.localOrigin(status: 503, isConnected: false)
    private static let late = AttemptResult.localOrigin(status: 504, isConnected: true)

    @Test func `failures in a row eject, a success in between starts over, an ignored call does neither`() {
        let detector = detector(OutlierDetection(consecutiveFailures: 3, maximumEjectionPercent: 50))
        report(detector, [Self.broken, Self.late, .success, Self.broken, .ignored, Self.unreachable])
        #expect(!isEjected)
        report(detector, [Self.unavailable])
        #expect(isEjected)
        #expect(fixture.endpoints[0].isAvailable(at: fixture.now.advanced(by: .seconds(30))))
        #expect(observer.events.count == 1)
    }

    // Envoy: 500 resets the count of gateway failures, 502 to 504 and no answer extend both.
    @Test(
        arguments: [
            ([unavailable, late, unreachable], true), ([unavailable, broken, unavailable, unavailable], false),
            ([broken, broken, broken], false), ([unavailable, .success, unavailable, unavailable], false),
        ]
    )
    func `gateway failures in a row have a rule of their own`(results: [AttemptResult], ejects: Bool) {
        let detector = detector(
            OutlierDetection(
                consecutiveFailures: nil,
                consecutiveGatewayFailures: 3,
                maximumEjectionPercent: 50
            )
        )
        report(detector, results)
        #expect(isEjected == ejects)
    }

    // Envoy's `putResultWithLocalExternalSplit`: what is no answer does not touch the counts of answers, and a connection ends
    // a row of no answers.
    @Test(
        arguments: [
            ([unreachable, unreachable, unreachable], true), ([unreachable, broken, unreachable, unreachable], false),
            ([late, late, late, late], false), ([broken, unreachable, broken], false),
            ([unreachable, unreachable, late, unreachable], false),
        ]
    )
    func `no answers can be counted apart`(results: [AttemptResult], ejects: Bool) {
        let detector = detector(
            OutlierDetection(
                consecutiveFailures: 3,
                splitsLocalOriginFailures: true,
                consecutiveLocalOriginFailures: 3,
                maximumEjectionPercent: 50
            )
        )
        report(detector, results)
        #expect(isEjected == ejects)
    }

    @Test func `a rule that is not enforced is told of`() {
        let detector = detector(
            OutlierDetection(
                consecutiveFailures: nil,
                consecutiveGatewayFailures: .init(2, enforcing: 0),
                maximumEjectionPercent: 50
            )
        )
        report(detector, [Self.unavailable, Self.unavailable, Self.unavailable])
        #expect(!isEjected)
        let event = observer.events.first
        guard case .ejectionWithheld("reviews", fixture.address(0), let rule, let reason, .notEnforced)? = event else {
            Issue.record("it was not told: \(observer.events)")
            return
        }
        #expect(rule == "consecutive_gateway_failure")
        #expect(reason == "2 consecutive gateway failures")
        #expect(observer.events.count == 1)
    }

    @Test func `the end of an interval ejects who does worse, and tells who is back`() {
        let fixture = PickerFixture(count: 5)
        let detector = detector(OutlierDetection(consecutiveFailures: nil, maximumEjectionPercent: 20))
        func serve(failing: Bool) {
            for (number, endpoint) in fixture.endpoints.enumerated() {
                for _ in 0..<100 {
                    let result: AttemptResult = failing && number == 3 ? Self.broken : .success
                    detector.attemptEnded(result, at: endpoint, endpointCount: 5, now: fixture.now)
                }
            }
        }
        func ejected(after span: Nanoseconds) -> [Int] {
            let now = fixture.now.advanced(by: span)
            detector.sweep(fixture.endpoints, now: now)
            return fixture.endpoints.indices.filter { !fixture.endpoints[$0].isAvailable(at: now) }
        }
        serve(failing: true)
        #expect(ejected(after: .seconds(9)) == [])
        #expect(ejected(after: .seconds(10)) == [3])
        serve(failing: false)
        #expect(ejected(after: .seconds(39)) == [3])
        #expect(ejected(after: .seconds(40)) == [])
        #expect(
            observer.events.map(\.name) == ["endpointEjected", "endpointReturned"]
        )
    }

    @Test func `a failure after the return ejects again, and both are told of`() {
        let detector = detector(OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 50))
        report(detector, [Self.broken])
        report(detector, [Self.broken], at: fixture.now.advanced(by: .seconds(31)))
        #expect(observer.events.count == 3)
    }

    @Test func `without rules nobody is ejected`() {
        let detector = detector(
            OutlierDetection(consecutiveFailures: nil, consecutiveGatewayFailures: nil, successRate: nil)
        )
        report(detector, Array(repeating: Self.broken, count: 100))
        detector.sweep(fixture.endpoints, now: fixture.now.advanced(by: .seconds(10)))
        #expect(observer.events.isEmpty)
    }

    @Test func `gRPC's mode knows no rows`() {
        let detector = detector(OutlierDetection(mode: .grpc, consecutiveFailures: 1, maximumEjectionPercent: 100))
        report(detector, Array(repeating: Self.broken, count: 100))
        #expect(!isEjected)
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = OutlierDetection(
            consecutiveFailures: 0,
            consecutiveGatewayFailures: .init(1, enforcing: 101),
            consecutiveLocalOriginFailures: 0,
            successRate: .init(enforcing: 101, enforcingLocalOrigin: 101),
            failurePercentage: .init(threshold: 101, enforcing: 101, enforcingLocalOrigin: 101),
            interval: .zero,
            baseEjectionTime: .zero,
            maximumEjectionPercent: 150
        )
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "consecutiveFailures", "consecutiveLocalOriginFailures", "interval", "baseEjectionTime",
                "maximumEjectionPercent", "consecutiveGatewayFailures.enforcing", "successRate.enforcing",
                "successRate.enforcingLocalOrigin", "failurePercentage.threshold", "failurePercentage.enforcing",
                "failurePercentage.enforcingLocalOrigin",
            ]
        )
    }
}

extension MeshEvent {
    fileprivate var name: String { String("\(self)".prefix { $0 != "(" }) }
}
