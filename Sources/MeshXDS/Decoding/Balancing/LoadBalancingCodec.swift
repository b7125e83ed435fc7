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

    /// Encodes a policy that may have others within, which other codecs of the registry encode; by default it has none.
    func encode(_ policy: any LoadBalancingPolicy, by registry: ExtensionRegistry) throws -> Google_Protobuf_Any?

    /// Adds to an encoded policy how localities share the traffic; by default there is no field for it.
    func set(_ localities: LocalityBalancing, in message: inout Google_Protobuf_Any) throws

    /// What clients of another dialect take of a policy; `nil` if it is not one of its own.
    ///
    /// By default Envoy takes all that has a message, and gRPC refuses it.
    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer?
}

/// What clients of a dialect take of a policy.
struct LoadBalancingOffer {
    /// The policy as they take it; `nil` if they refuse it.
    var balancing: Cluster.LoadBalancing?
    /// What differs from what was meant.
    var reasons: [String] = []

    /// They refuse it.
    static let refused = LoadBalancingOffer(balancing: nil)
}

extension LoadBalancingCodec {
    func encode(_ policy: any LoadBalancingPolicy, by registry: ExtensionRegistry) throws -> Google_Protobuf_Any? {
        try encode(policy)
    }

    func set(_ localities: LocalityBalancing, in message: inout Google_Protobuf_Any) {}

    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        guard (try? encode(policy)) != nil else { return nil }
        return dialect == .grpc ? .refused : LoadBalancingOffer(balancing: Self.wrapped(policy))
    }

    private static func wrapped(_ policy: some LoadBalancingPolicy) -> Cluster.LoadBalancing {
        Cluster.LoadBalancing(policy)
    }
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
