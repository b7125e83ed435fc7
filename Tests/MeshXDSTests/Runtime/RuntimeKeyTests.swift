// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("The keys that settings have for the runtime")
struct RuntimeKeyTests {
    private static func context() -> DecodingContext { DecodingContext(registry: .standard) }

    @Test("faults have Envoy's, or those that they name")
    func faults() throws {
        var message = Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault()
        #expect(FaultRuntimeKeys(message) == .envoy)
        message.delayPercentRuntime = "a"
        message.abortPercentRuntime = "b"
        message.delayDurationRuntime = "c"
        message.abortHTTPStatusRuntime = "d"
        message.maxActiveFaultsRuntime = "e"
        message.responseRateLimitPercentRuntime = "f"
        message.abortGrpcStatusRuntime = "g"
        let keys = FaultRuntimeKeys(
            delayPercentage: "a",
            delayDuration: "c",
            abortPercentage: "b",
            abortStatus: "d",
            abortGRPCStatus: "g",
            maximumActive: "e",
            responseRatePercentage: "f"
        )
        #expect(FaultRuntimeKeys(message) == keys)
        let bytes: [UInt8] = try message.serializedBytes()
        let read = try Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault(serializedBytes: bytes)
        #expect(read == message && read.unknownFields.data.isEmpty)
        var written = Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault()
        written.set(keys)
        #expect(written == message)
        written.set(.envoy)
        #expect(written == .init())
    }

    @Test("weighted clusters have a prefix, which is no field without effect any more")
    func weights() throws {
        var message = Envoy_Config_Route_V3_WeightedCluster()
        message.runtimeKeyPrefix = "weights"
        message.clusters = [
            .with {
                $0.name = "a"
                $0.weight = .init(1)
            }
        ]
        var context = Self.context()
        let clusters = try #require(WeightedClusters(message, at: .root, &context))
        #expect(clusters.runtimeKeyPrefix == "weights")
        #expect(context.ignored.isEmpty)
        let again = try Envoy_Config_Route_V3_WeightedCluster(clusters, faults: [:], filters: [:])
        #expect(again.runtimeKeyPrefix == "weights")
    }

    @Test("policies of load balancing have those that they name, and none where we had to write one")
    func balancing() throws {
        var slowStart = SlowStart(window: .seconds(1), aggression: 2)
        slowStart.aggressionKey = "grow"
        var policy = LeastRequest(activeRequestBias: 2, slowStart: slowStart)
        for key in ["", "bias"] {
            policy.activeRequestBiasKey = key
            let packed = try #require(try LeastRequestCodec().encode(policy))
            let message = try LeastRequestCodec.Wire(serializedBytes: packed.bytes)
            // Envoy refuses an empty one.
            #expect(!message.activeRequestBias.runtimeKey.isEmpty)
            var context = Self.context()
            let decoded = LeastRequestCodec.policy(message, at: .root, &context)
            #expect(decoded == Cluster.LoadBalancing(policy))
        }
        // A key alone is a reason to write the number.
        let plain = LeastRequest()
        var keyed = plain
        keyed.activeRequestBiasKey = "bias"
        let packed = try #require(try LeastRequestCodec().encode(keyed))
        let message = try LeastRequestCodec.Wire(serializedBytes: packed.bytes)
        #expect(message.activeRequestBias.defaultValue == 1 && message.activeRequestBias.runtimeKey == "bias")
    }
}
