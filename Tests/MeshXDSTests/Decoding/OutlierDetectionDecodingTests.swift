// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite struct OutlierDetectionDecodingTests {
    private typealias Message = Envoy_Config_Cluster_V3_OutlierDetection

    private func decode(_ detection: Message) throws -> (detection: OutlierDetection?, ignored: [String]) {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        message.outlierDetection = detection
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster.outlierDetection, decoded.ignored.map(\.path))
    }

    @Test func `what is not told is as in Envoy`() throws {
        let (detection, ignored) = try decode(Message())
        #expect(detection == OutlierDetection())
        #expect(ignored == [])
    }

    @Test func `every rule is read`() throws {
        let message = Message.with {
            $0.consecutive5Xx = 7
            $0.enforcingConsecutive5Xx = 8
            $0.consecutiveGatewayFailure = 9
            $0.enforcingConsecutiveGatewayFailure = 10
            $0.splitExternalLocalOriginErrors = true
            $0.consecutiveLocalOriginFailure = 11
            $0.enforcingConsecutiveLocalOriginFailure = 12
            $0.successRateMinimumHosts = 13
            $0.successRateRequestVolume = 14
            $0.successRateStdevFactor = 15
            $0.enforcingSuccessRate = 16
            $0.enforcingLocalOriginSuccessRate = 17
            $0.failurePercentageThreshold = 18
            $0.failurePercentageMinimumHosts = 19
            $0.failurePercentageRequestVolume = 20
            $0.enforcingFailurePercentage = 21
            $0.enforcingFailurePercentageLocalOrigin = 22
            $0.interval = .init(seconds: 23)
            $0.baseEjectionTime = .init(seconds: 24)
            $0.maxEjectionTime = .init(seconds: 25)
            $0.maxEjectionTimeJitter = .init(seconds: 26)
            $0.maxEjectionPercent = 27
            $0.alwaysEjectOneHost = true
            $0.successfulActiveHealthCheckUnejectHost = false
        }
        let expected = OutlierDetection(
            consecutiveFailures: .init(7, enforcing: 8),
            consecutiveGatewayFailures: .init(9, enforcing: 10),
            splitsLocalOriginFailures: true,
            consecutiveLocalOriginFailures: .init(11, enforcing: 12),
            successRate: .init(
                minimumEndpoints: 13,
                requestVolume: 14,
                standardDeviationFactor: 15,
                enforcing: 16,
                enforcingLocalOrigin: 17
            ),
            failurePercentage: .init(
                threshold: 18,
                minimumEndpoints: 19,
                requestVolume: 20,
                enforcing: 21,
                enforcingLocalOrigin: 22
            ),
            interval: .seconds(23),
            baseEjectionTime: .seconds(24),
            maximumEjectionTime: .seconds(25),
            maximumEjectionTimeJitter: .seconds(26),
            maximumEjectionPercent: 27,
            alwaysEjectsOneEndpoint: true,
            successfulHealthCheckUnejects: false
        )
        let (detection, ignored) = try decode(message)
        #expect(detection == expected)
        #expect(ignored == [])
        #expect(try decode(Message(expected)).detection == expected)
    }

    // istiod writes "off" as a threshold of 0.
    @Test func `a threshold of 0 is no rule`() throws {
        let message = Message.with {
            $0.consecutive5Xx = 0
            $0.consecutiveGatewayFailure = 0
            $0.consecutiveLocalOriginFailure = 0
        }
        let detection = try #require(try decode(message).detection)
        #expect(detection.consecutiveFailures == nil)
        #expect(detection.consecutiveGatewayFailures == nil)
        #expect(detection.consecutiveLocalOriginFailures == nil)
    }

    @Test func `without any rule it is encoded so that nobody has one`() throws {
        let none = OutlierDetection(
            consecutiveFailures: nil,
            consecutiveGatewayFailures: nil,
            consecutiveLocalOriginFailures: nil,
            successRate: nil,
            failurePercentage: nil
        )
        let message = Message(none)
        #expect(message.enforcingSuccessRate.value == 0 && message.hasEnforcingSuccessRate)
        #expect(message.enforcingFailurePercentage.value == 0)
        #expect(try decode(message).detection == none)
    }

    @Test func `the longest ejection is never shorter than the first`() throws {
        let long = try decode(.with { $0.baseEjectionTime = .init(seconds: 600) }).detection
        #expect(long?.maximumEjectionTime == .seconds(600))
        // Envoy: "max_ejection_time cannot be smaller than base_ejection_time".
        let short = Message.with { $0.maxEjectionTime = .init(seconds: 29) }
        let error = #expect(throws: ConfigurationError.self) { try decode(short) }
        #expect(error?.problems.map(\.path) == ["outlier_detection.max_ejection_time"])
        let encoded = Message(OutlierDetection(baseEjectionTime: .seconds(9), maximumEjectionTime: .seconds(1)))
        #expect(encoded.maxEjectionTime.seconds == 9)
    }

    @Test func `every bound that is broken is named`() {
        let broken = Message.with {
            $0.maxEjectionPercent = 101
            $0.enforcingSuccessRate = 101
            $0.failurePercentageThreshold = 101
        }
        let error = #expect(throws: ConfigurationError.self) { try decode(broken) }
        let paths = ["max_ejection_percent", "enforcing_success_rate", "failure_percentage_threshold"]
        #expect(error?.problems.map(\.path) == paths.map { "outlier_detection.\($0)" })
        let times = Message.with {
            $0.interval = .init(seconds: 0)
            $0.maxEjectionTimeJitter = .init(seconds: -1)
        }
        let second = #expect(throws: ConfigurationError.self) { try decode(times) }
        #expect(
            second?.problems.map(\.path) == ["interval", "max_ejection_time_jitter"].map { "outlier_detection.\($0)" }
        )
    }

    @Test func `what has no effect is reported`() throws {
        let message = Message.with {
            $0.monitors = [.with { $0.name = "m" }]
        }
        #expect(
            try decode(message).ignored == ["outlier_detection.monitors"]
        )
    }
}
