// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// Translates one load-balancing policy between its protobuf message and ours.
protocol LoadBalancingCodec: Sendable {
    /// The full name of the message.
    var typeName: String { get }

    /// Decodes a policy.
    /// - Returns: `nil`, with a problem, if the message is bad.
    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing?

    /// Encodes a policy; `nil` if it is not one of its own.
    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any?
}

/// A policy that an app registered.
struct CustomLoadBalancingCodec: LoadBalancingCodec {
    let typeName: String
    let decodeBytes: @Sendable ([UInt8]) throws(ConfigurationError) -> any LoadBalancingPolicy
    let encodePolicy: @Sendable (any LoadBalancingPolicy) -> [UInt8]?

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        let bytes = message.bytes
        return context.attempt(path) { () throws(ConfigurationError) in
            Self.wrapped(try decodeBytes(bytes))
        }
    }

    private static func wrapped(_ policy: some LoadBalancingPolicy) -> Cluster.LoadBalancing {
        Cluster.LoadBalancing(policy)
    }

    func encode(_ policy: any LoadBalancingPolicy) -> Google_Protobuf_Any? {
        encodePolicy(policy).map { Google_Protobuf_Any(typeName: typeName, bytes: $0) }
    }
}
