// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Balancers that come by xDS")
struct BalancingDecodingTests {
    private typealias Ring = Envoy_Extensions_LoadBalancingPolicies_RingHash_V3_RingHash
    private typealias Table = Envoy_Extensions_LoadBalancingPolicies_Maglev_V3_Maglev
    private typealias Least = Envoy_Extensions_LoadBalancingPolicies_LeastRequest_V3_LeastRequest
    private typealias Draw = Envoy_Extensions_LoadBalancingPolicies_Random_V3_Random

    private static let place = "load_balancing_policy.policies[0].typed_extension_config.typed_config"

    private func decode(
        _ change: (inout Envoy_Config_Cluster_V3_Cluster) throws -> Void
    ) throws -> (cluster: Cluster, ignored: [String]) {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        try change(&message)
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster, decoded.ignored.map(\.path))
    }

    private func decode(typed policy: some Message) throws -> (cluster: Cluster, ignored: [String]) {
        try decode { message in
            var entry = Envoy_Config_Cluster_V3_LoadBalancingPolicy.Policy()
            entry.typedExtensionConfig.name = "p"
            entry.typedExtensionConfig.typedConfig = try Google_Protobuf_Any(packing: policy)
            message.loadBalancingPolicy.policies = [entry]
        }
    }

    private func refusals(_ body: () throws -> (cluster: Cluster, ignored: [String])) -> [String] {
        do {
            _ = try body()
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.path)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `what says nothing has Envoy's defaults`() throws {
        #expect(try decode(typed: Ring()).cluster.loadBalancing == .init(RingHash()))
        #expect(try decode(typed: Table()).cluster.loadBalancing == .init(Maglev()))
        #expect(try decode(typed: Draw()).cluster.loadBalancing == .init(RandomChoice()))
        #expect(try decode { $0.lbPolicy = .ringHash }.cluster.loadBalancing == .init(RingHash()))
        #expect(try decode { $0.lbPolicy = .maglev }.cluster.loadBalancing == .init(Maglev()))
        #expect(try decode { $0.lbPolicy = .random }.cluster.loadBalancing == .init(RandomChoice()))
    }

    @Test func `every setting of a ring is read, and what is not is reported`() throws {
        var ring = Ring()
        ring.minimumRingSize = Google_Protobuf_UInt64Value(7)
        ring.maximumRingSize = Google_Protobuf_UInt64Value(8)
        ring.hashFunction = .murmurHash2
        ring.consistentHashingLbConfig.useHostnameForHashing = true
        ring.consistentHashingLbConfig.hashBalanceFactor = Google_Protobuf_UInt32Value(150)
        ring.consistentHashingLbConfig.hashPolicy = [.init()]
        let expected = RingHash(
            minimumSize: 7,
            maximumSize: 8,
            function: .murmurHash2,
            key: .hostname,
            balanceFactor: 150
        )
        let decoded = try decode(typed: ring)
        #expect(decoded.cluster.loadBalancing == .init(expected))
        #expect(decoded.ignored == [Self.place + ".consistent_hashing_lb_config.hash_policy"])
        var older = Ring()
        older.useHostnameForHashing = true
        older.hashBalanceFactor = Google_Protobuf_UInt32Value(100)
        #expect(try decode(typed: older).cluster.loadBalancing == .init(RingHash(key: .hostname, balanceFactor: 100)))
    }

    @Test func `the older settings of clusters are read, and what is not is reported`() throws {
        let ring = try decode { message in
            message.lbPolicy = .ringHash
            message.ringHashLbConfig.minimumRingSize = Google_Protobuf_UInt64Value(12)
            message.ringHashLbConfig.maximumRingSize = Google_Protobuf_UInt64Value(1_024)
            message.ringHashLbConfig.hashFunction = .murmurHash2
            message.commonLbConfig.consistentHashingLbConfig.useHostnameForHashing = true
            message.commonLbConfig.localityWeightedLbConfig = .init()
            message.commonLbConfig.updateMergeWindow = Google_Protobuf_Duration(seconds: 1, nanos: 0)
        }
        #expect(
            ring.cluster.loadBalancing
                == .init(RingHash(minimumSize: 12, maximumSize: 1_024, function: .murmurHash2, key: .hostname))
        )
        #expect(ring.ignored == ["common_lb_config.update_merge_window"])
        let table = try decode { message in
            message.lbPolicy = .maglev
            message.maglevLbConfig.tableSize = Google_Protobuf_UInt64Value(101)
            message.commonLbConfig.consistentHashingLbConfig.hashBalanceFactor = Google_Protobuf_UInt32Value(200)
        }
        #expect(table.cluster.loadBalancing == .init(Maglev(tableSize: 101, balanceFactor: 200)))
    }

    @Test func `every setting of least request is read, and what is no bias is 1, as in Envoy`() throws {
        var least = Least()
        least.choiceCount = 5
        least.activeRequestBias.defaultValue = 2.5
        least.selectionMethod = .fullScan
        let decoded = try decode(typed: least)
        let expected = LeastRequest(choiceCount: 5, selection: .fullScan, activeRequestBias: 2.5)
        #expect(decoded.cluster.loadBalancing == .init(expected))
        #expect(decoded.ignored == [])
        let older = try decode { message in
            message.lbPolicy = .leastRequest
            message.leastRequestLbConfig.activeRequestBias.defaultValue = 0
        }
        #expect(older.cluster.loadBalancing == .init(LeastRequest(activeRequestBias: 0)))
        for bias in [-1, .nan, .infinity] as [Double] {
            least.activeRequestBias.defaultValue = bias
            let decoded = try decode(typed: least)
            #expect(decoded.cluster.loadBalancing == .init(LeastRequest(choiceCount: 5, selection: .fullScan)))
            #expect(decoded.ignored == [Self.place + ".active_request_bias.default_value"])
        }
        var scan = Least()
        scan.enableFullScan = true
        #expect(try decode(typed: scan).cluster.loadBalancing == .init(LeastRequest(selection: .fullScan)))
    }

    @Test func `slow start is read in both of its forms`() throws {
        let expected = SlowStart(window: .seconds(30), aggression: 2, minimumWeightPercent: 5)
        var round = Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin()
        round.slowStartConfig = .init(expected)
        #expect(try decode(typed: round).cluster.loadBalancing == .init(RoundRobin(slowStart: expected)))
        let older = try decode { message in
            message.lbPolicy = .leastRequest
            message.leastRequestLbConfig.slowStartConfig.slowStartWindow.seconds = 30
            message.leastRequestLbConfig.slowStartConfig.aggression.defaultValue = 2
            message.leastRequestLbConfig.slowStartConfig.minWeightPercent.value = 5
        }
        #expect(older.cluster.loadBalancing == .init(LeastRequest(slowStart: expected)))
        let none = try decode { $0.roundRobinLbConfig.slowStartConfig.minWeightPercent.value = 5 }
        #expect(none.cluster.loadBalancing == .init(RoundRobin()))
        let odd = try decode { message in
            message.roundRobinLbConfig.slowStartConfig.slowStartWindow.seconds = 30
            message.roundRobinLbConfig.slowStartConfig.aggression.defaultValue = -1
        }
        #expect(odd.cluster.loadBalancing == .init(RoundRobin(slowStart: SlowStart(window: .seconds(30)))))
        #expect(odd.ignored == ["round_robin_lb_config.slow_start_config.aggression.default_value"])
        let broken = refusals {
            try decode { message in
                message.roundRobinLbConfig.slowStartConfig.slowStartWindow.seconds = 1
                message.roundRobinLbConfig.slowStartConfig.minWeightPercent.value = 101
            }
        }
        #expect(broken == ["round_robin_lb_config.slow_start_config.min_weight_percent"])
    }

    @Test func `what breaks a bound is refused with its path`() {
        let ring = refusals {
            var ring = Ring()
            ring.minimumRingSize = Google_Protobuf_UInt64Value(0)
            ring.maximumRingSize = Google_Protobuf_UInt64Value(8_388_609)
            return try decode(typed: ring)
        }
        #expect(ring == [Self.place + ".minimum_ring_size", Self.place + ".maximum_ring_size"])
        let order = refusals {
            try decode { message in
                message.lbPolicy = .ringHash
                message.ringHashLbConfig.maximumRingSize = Google_Protobuf_UInt64Value(1_023)
            }
        }
        #expect(order == ["ring_hash_lb_config.minimum_ring_size"])
        let factor = refusals {
            try decode { message in
                message.lbPolicy = .maglev
                message.commonLbConfig.consistentHashingLbConfig.hashBalanceFactor = Google_Protobuf_UInt32Value(99)
            }
        }
        #expect(factor == ["common_lb_config.consistent_hashing_lb_config.hash_balance_factor"])
        for size in [1, 65_536, 5_000_012] as [UInt64] {
            let table = refusals {
                var table = Table()
                table.tableSize = Google_Protobuf_UInt64Value(size)
                return try decode(typed: table)
            }
            #expect(table == [Self.place + ".table_size"])
        }
        let unknown = refusals {
            try decode { message in
                message.lbPolicy = .ringHash
                message.ringHashLbConfig.hashFunction = .UNRECOGNIZED(7)
            }
        }
        #expect(unknown == ["ring_hash_lb_config.hash_function"])
    }

    @Test func `the panic threshold is read, and rounded as Envoy rounds it`() throws {
        #expect(try decode { _ in }.cluster.panicThreshold == 50)
        for (percent, expected) in [(0, 0), (33.4, 33), (33.5, 34), (100, 100)] as [(Double, UInt32)] {
            let decoded = try decode { $0.commonLbConfig.healthyPanicThreshold.value = percent }
            #expect(decoded.cluster.panicThreshold == expected)
            #expect(decoded.ignored == [])
        }
        for percent in [-1, 100.5, .nan] as [Double] {
            let bad = refusals { try decode { $0.commonLbConfig.healthyPanicThreshold.value = percent } }
            #expect(bad == ["common_lb_config.healthy_panic_threshold.value"])
        }
    }

    @Test func `the overprovisioning factor and the drops are read`() throws {
        func assignment(_ factor: UInt32) throws -> (EndpointAssignment, [String]) {
            var message = Envoy_Config_Endpoint_V3_ClusterLoadAssignment()
            message.clusterName = "c"
            message.policy.overprovisioningFactor = Google_Protobuf_UInt32Value(factor)
            message.policy.dropOverloads = ["throttle", "load"].map { category in
                .with { message in
                    message.category = category
                    message.dropPercentage.numerator = 25
                    message.dropPercentage.denominator = .tenThousand
                }
            }
            let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .endpointAssignment)
            guard case .endpointAssignment(let assignment) = decoded.resource else { throw CancellationError() }
            return (assignment, decoded.ignored.map(\.path))
        }
        let (read, ignored) = try assignment(100)
        #expect(read.overprovisioningFactor == 100)
        let share = FractionalPercent(numerator: 25, denominator: .tenThousand)
        #expect(read.dropOverloads == ["throttle", "load"].map { .init(category: $0, share: share) })
        #expect(ignored == [])
        let error = #expect(throws: ConfigurationError.self) { _ = try assignment(0) }
        #expect(error?.problems.map(\.path) == ["policy.overprovisioning_factor"])
    }

    @Test func `an endpoint's key stands in its metadata`() throws {
        var endpoint = Envoy_Config_Endpoint_V3_LbEndpoint()
        endpoint.endpoint.address = Envoy_Config_Core_V3_Address(EndpointAddress(host: "10.0.0.1", port: 80))
        HashKeyMetadata.set("one", in: &endpoint.metadata)
        var group = Envoy_Config_Endpoint_V3_LocalityLbEndpoints()
        group.lbEndpoints = [endpoint]
        var message = Envoy_Config_Endpoint_V3_ClusterLoadAssignment()
        message.clusterName = "c"
        message.endpoints = [group]
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .endpointAssignment)
        guard case .endpointAssignment(let assignment) = decoded.resource else { throw CancellationError() }
        #expect(assignment.localities.flatMap(\.endpoints).map(\.hashKey) == ["one"])
    }
}
