// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Weighted round robin and pick first that come by xDS")
struct ReportedWeightsDecodingTests {
    private typealias Weighted =
        Envoy_Extensions_LoadBalancingPolicies_ClientSideWeightedRoundRobin_V3_ClientSideWeightedRoundRobin
    private typealias First = Envoy_Extensions_LoadBalancingPolicies_PickFirst_V3_PickFirst

    private static let place = "load_balancing_policy.policies[0].typed_extension_config.typed_config"

    private func decode(_ policy: some Message) throws -> (balancing: Cluster.LoadBalancing, ignored: [String]) {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        var entry = Envoy_Config_Cluster_V3_LoadBalancingPolicy.Policy()
        entry.typedExtensionConfig.name = "p"
        entry.typedExtensionConfig.typedConfig = try Google_Protobuf_Any(packing: policy)
        message.loadBalancingPolicy.policies = [entry]
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster.loadBalancing, decoded.ignored.map { String($0.path.dropFirst(Self.place.count + 1)) })
    }

    private func refusals(_ policy: some Message) -> [String] {
        do {
            _ = try decode(policy)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { String($0.path.dropFirst(Self.place.count + 1)) }
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `what says nothing has gRPC's defaults`() throws {
        let weighted = try decode(Weighted())
        #expect(weighted.balancing == .init(ClientSideWeightedRoundRobin()))
        #expect(weighted.ignored == [])
        #expect(try decode(First()).balancing == .init(PickFirst()))
    }

    @Test func `every setting is read`() throws {
        var message = Weighted()
        message.blackoutPeriod.seconds = 1
        message.weightExpirationPeriod.seconds = 2
        message.weightUpdatePeriod.nanos = 300_000_000
        message.errorUtilizationPenalty = 0.5
        message.metricNamesForComputingUtilization = ["named_metrics.queue"]
        message.slowStartConfig.slowStartWindow.seconds = 4
        message.enableOobLoadReport = false
        message.oobReportingPeriod.seconds = 5
        let decoded = try decode(message)
        let expected = ClientSideWeightedRoundRobin(
            blackoutPeriod: .seconds(1),
            weightExpirationPeriod: .seconds(2),
            weightUpdatePeriod: .milliseconds(300),
            errorUtilizationPenalty: 0.5,
            utilizationMetrics: ["named_metrics.queue"],
            slowStart: SlowStart(window: .seconds(4))
        )
        #expect(decoded.balancing == .init(expected))
        #expect(decoded.ignored == [])
        var first = First()
        first.shuffleAddressList = true
        #expect(try decode(first).balancing == .init(PickFirst(shufflesAddressList: true)))
    }

    @Test func `reports apart from answers are asked for every ten seconds, or as often as it says`() throws {
        var message = Weighted()
        message.enableOobLoadReport = true
        let standard = ClientSideWeightedRoundRobin(outOfBandReportingPeriod: .seconds(10))
        #expect(try decode(message).balancing == .init(standard))
        message.oobReportingPeriod.seconds = 3
        let decoded = try decode(message)
        #expect(decoded.balancing == .init(ClientSideWeightedRoundRobin(outOfBandReportingPeriod: .seconds(3))))
        #expect(decoded.ignored == [])
    }

    @Test func `what is not done as it says is reported`() throws {
        var message = Weighted()
        message.enableOobLoadReport = true
        message.oobReportingPeriod.nanos = 1
        message.weightUpdatePeriod.nanos = 1
        message.metricNamesForComputingUtilization = [""] + Array(repeating: "eps", count: 33)
        let decoded = try decode(message)
        let expected = ClientSideWeightedRoundRobin(
            weightUpdatePeriod: .milliseconds(100),
            utilizationMetrics: Array(repeating: "eps", count: 32),
            outOfBandReportingPeriod: .milliseconds(100)
        )
        #expect(decoded.balancing == .init(expected))
        #expect(
            decoded.ignored == [
                "oob_reporting_period", "weight_update_period", "metric_names_for_computing_utilization",
                "metric_names_for_computing_utilization",
            ]
        )
    }

    @Test func `what breaks a bound is refused with its path`() {
        for penalty in [-1, .nan, .infinity] as [Float] {
            var message = Weighted()
            message.errorUtilizationPenalty = Google_Protobuf_FloatValue(penalty)
            #expect(refusals(message) == ["error_utilization_penalty"])
        }
        var message = Weighted()
        message.blackoutPeriod.seconds = -1
        message.weightExpirationPeriod.nanos = -1
        message.weightUpdatePeriod.nanos = 1_000_000_000
        var reporting = Weighted()
        reporting.oobReportingPeriod.seconds = -1
        #expect(refusals(reporting) == ["oob_reporting_period"])
        #expect(refusals(message) == ["blackout_period", "weight_expiration_period", "weight_update_period"])
    }
}
