// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Policies without messages of their own")
struct StructuredBalancingTests {
    private static let place = "load_balancing_policy.policies[0].typed_extension_config.typed_config"
    private static let ewma = "type.googleapis.com/swift_service_mesh.load_balancing.PeakEWMA"
    private static let aperture = "type.googleapis.com/swift_service_mesh.load_balancing.DeterministicAperture"
    private static let rendezvous = "type.googleapis.com/swift_service_mesh.load_balancing.Rendezvous"

    private static func structure(_ type: String, _ json: String) throws -> Xds_Type_V3_TypedStruct {
        var message = Xds_Type_V3_TypedStruct()
        message.typeURL = type
        message.value = try Google_Protobuf_Struct(jsonString: json)
        return message
    }

    private func decode(_ policies: [Google_Protobuf_Any]) throws -> (cluster: Cluster, ignored: [String]) {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        message.loadBalancingPolicy.policies = policies.map { policy in
            var entry = Envoy_Config_Cluster_V3_LoadBalancingPolicy.Policy()
            entry.typedExtensionConfig.typedConfig = policy
            return entry
        }
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster, decoded.ignored.map { String($0.path.dropFirst(Self.place.count + 1)) })
    }

    private func decode(_ type: String, _ json: String) throws -> (cluster: Cluster, ignored: [String]) {
        try decode([try Google_Protobuf_Any(packing: try Self.structure(type, json))])
    }

    private func refusals(_ type: String, _ json: String) -> [String] {
        do {
            _ = try decode(type, json)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { String($0.path.dropFirst(Self.place.count + 1)) }
        } catch {
            return ["\(error)"]
        }
    }

    @Test(
        arguments: [
            (ewma, "{}", .init(PeakEWMA())),
            (ewma, #"{"decayTime": null}"#, .init(PeakEWMA())),
            (
                ewma,
                #"{"decayTime": "2.5s", "default_latency": "0.010s", "failurePenalty": "0s", "maximumPenalty": "60s"}"#,
                .init(
                    PeakEWMA(
                        decayTime: .milliseconds(2_500),
                        defaultLatency: .milliseconds(10),
                        failurePenalty: .zero,
                        maximumPenalty: .seconds(60)
                    )
                )
            ),
            (rendezvous, "{}", .init(Rendezvous())), (rendezvous, #"{"key": "address"}"#, .init(Rendezvous())),
            (rendezvous, #"{"key": "hostname"}"#, .init(Rendezvous(key: .hostname))),
            (aperture, #"{"peerIndex": 3, "peer_count": 7}"#, .init(DeterministicAperture(peerIndex: 3, peerCount: 7))),
            (
                aperture,
                #"{"peerIndex": 0, "peerCount": 1, "minimumAperture": 5, "offset": 0.5}"#,
                .init(DeterministicAperture(peerIndex: 0, peerCount: 1, minimumAperture: 5, offset: 0.5))
            ),
        ] as [(String, String, Cluster.LoadBalancing)]
    )
    func `are read from structures, and have their defaults`(
        type: String,
        json: String,
        balancing: Cluster.LoadBalancing
    ) throws {
        let (cluster, ignored) = try decode(type, json)
        #expect(cluster.loadBalancing == balancing)
        #expect(ignored == [])
    }

    @Test func `are read from the older structure, too`() throws {
        var older = Udpa_Type_V1_TypedStruct()
        older.typeURL = Self.rendezvous
        older.value = try Google_Protobuf_Struct(jsonString: #"{"key": "hostname"}"#)
        let (cluster, _) = try decode([try Google_Protobuf_Any(packing: older)])
        #expect(cluster.loadBalancing == .init(Rendezvous(key: .hostname)))
    }

    @Test func `report the settings that they do not have`() throws {
        let others = #"{"decay": "1s", "decayTime": "1s", "x": {}}"#
        #expect(try decode(Self.ewma, others).ignored == ["value.decay", "value.x"])
        #expect(try decode(Self.rendezvous, #"{"minimumSize": 7}"#).ignored == ["value.minimumSize"])
    }

    @Test(
        arguments: [
            (ewma, #"{"decayTime": "0s"}"#, ["value.decayTime"]),
            (ewma, #"{"decay_time": "ten"}"#, ["value.decay_time"]),
            (ewma, #"{"decayTime": 10, "defaultLatency": "-1s"}"#, ["value.decayTime", "value.defaultLatency"]),
            (ewma, #"{"decayTime": "1s\", \"x"}"#, ["value.decayTime"]),
            (ewma, #"{"failurePenalty": "2s", "maximumPenalty": "1s"}"#, ["value.maximumPenalty"]),
            (aperture, #"{"peerIndex": 0.5, "peerCount": "7"}"#, ["value.peerIndex", "value.peerCount"]),
            (aperture, #"{"peerIndex": 1e300, "peerCount": 7}"#, ["value.peerIndex"]),
            (aperture, #"{"peerIndex": 1, "peerCount": 7, "offset": -1}"#, ["value.offset"]),
            (rendezvous, #"{"key": "name"}"#, ["value.key"]),
            (rendezvous, #"{"key": ["address"]}"#, ["value.key"]),
        ]
    )
    func `are refused with the path of what is wrong`(type: String, json: String, paths: [String]) {
        #expect(refusals(type, json) == paths)
    }

    @Test func `that nobody knows are passed over for the next one, as are structures in place of messages`() throws {
        let round = Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin()
        let unknown = try Self.structure("type.googleapis.com/example.Policy", "{}")
        let known = try Self.structure("type.googleapis.com/" + type(of: round).protoMessageName, "{}")
        let all = [
            try Google_Protobuf_Any(packing: unknown), try Google_Protobuf_Any(packing: known),
            try Google_Protobuf_Any(packing: round),
        ]
        #expect(try decode(all).cluster.loadBalancing == .init(RoundRobin()))
        let error = #expect(throws: ConfigurationError.self) { try decode(Array(all.prefix(1))) }
        #expect(error?.problems.first?.message.contains("TypedStruct of example.Policy") == true)
        // Its name alone is no message.
        var bare = Google_Protobuf_Any()
        bare.typeURL = Self.rendezvous
        #expect(throws: ConfigurationError.self) { try decode([bare]) }
    }

    @Test func `come back from clients of this library as they went`() throws {
        let policies: [Cluster.LoadBalancing] = [
            .init(PeakEWMA()), .init(Rendezvous()), .init(Rendezvous(key: .hostname)),
            .init(DeterministicAperture(peerIndex: 3, peerCount: 7, minimumAperture: 1, offset: 2.5)),
            .init(
                PeakEWMA(
                    decayTime: Nanoseconds(rawValue: 1_000_000_001),
                    defaultLatency: .milliseconds(30),
                    failurePenalty: .zero,
                    maximumPenalty: .milliseconds(1)
                )
            ),
        ]
        for policy in policies {
            let cluster = Cluster(name: "c", loadBalancing: policy)
            let output = ResourceEncoder(dialect: .own).encode(MeshResources(clusters: [cluster]))
            #expect(output.reports == [])
            let packed = try #require(output.resources[.cluster]?["c"])
            let decoded = try ResourceDecoder().decode(packed.bytes, as: .cluster)
            guard case .cluster(let returned) = decoded.resource else {
                Issue.record("no cluster")
                return
            }
            #expect(returned.loadBalancing == policy)
            #expect(decoded.ignored == [])
        }
    }
}
