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
        OutlierDetector(configuration, cluster: "reviews", observers: ObserverSet([observer]))
    }

    private func report(_ detector: OutlierDetector, _ outcomes: [Outcome], at now: MeshInstant? = nil) {
        for outcome in outcomes {
            detector.attemptEnded(outcome, at: fixture.endpoints[0], endpointCount: 2, now: now ?? fixture.now)
        }
    }

    @Test func `failures in a row eject, a success in between starts over, an ignored call does neither`() {
        let detector = detector(OutlierDetection(consecutiveFailures: 3, maximumEjectionPercent: 50))
        report(detector, [.failure, .failure, .success, .failure, .ignored, .failure])
        #expect(fixture.endpoints[0].isAvailable(at: fixture.now))
        report(detector, [.failure])
        #expect(!fixture.endpoints[0].isAvailable(at: fixture.now))
        #expect(fixture.endpoints[0].isAvailable(at: fixture.now.advanced(by: .seconds(30))))
        #expect(observer.events.count == 1)
    }

    @Test func `a sweep tells who is back`() {
        let detector = detector(OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 50))
        report(detector, [.failure])
        detector.sweep(now: fixture.now.advanced(by: .seconds(30)))
        guard case .endpointReturned(_, let endpoint) = observer.events.last else {
            Issue.record("nobody returned")
            return
        }
        #expect(endpoint == fixture.address(0))
    }

    @Test func `a failure after the return ejects again, and both are told of`() {
        let detector = detector(OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 50))
        report(detector, [.failure])
        report(detector, [.failure], at: fixture.now.advanced(by: .seconds(31)))
        #expect(observer.events.count == 3)
    }

    @Test func `without a threshold nobody is ejected`() {
        let detector = detector(OutlierDetection(consecutiveFailures: nil))
        report(detector, Array(repeating: .failure, count: 100))
        #expect(observer.events.isEmpty)
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = OutlierDetection(
            consecutiveFailures: 0,
            interval: .zero,
            baseEjectionTime: .zero,
            maximumEjectionPercent: 150
        )
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "consecutiveFailures", "interval", "baseEjectionTime", "maximumEjectionPercent",
            ]
        )
    }
}
