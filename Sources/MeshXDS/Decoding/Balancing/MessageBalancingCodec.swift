// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// A policy that is one message, and has no other policy in it.
protocol MessageBalancingCodec: LoadBalancingCodec {
    associatedtype Wire: Message

    /// The fields that are read; all others are reported.
    static var read: ReadFields { get }

    /// Makes the policy of its message.
    /// - Returns: `nil`, with a problem, if the message is bad.
    static func policy(
        _ message: Wire,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing?
}

extension MessageBalancingCodec {
    var typeName: String { Wire.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let message = context.unpack(message, as: Wire.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        return Self.policy(message, at: path, &context)
    }
}

extension MessageBalancingCodec where Wire: LocatedPolicyMessage {
    func set(_ localities: LocalityBalancing, in message: inout Google_Protobuf_Any) throws {
        try message.set(localities, in: Wire.self)
    }
}

extension MessageBalancingCodec where Wire: WeightedTableMessage {
    func set(_ localities: LocalityBalancing, in message: inout Google_Protobuf_Any) throws {
        try message.set(localities, in: Wire.self)
    }
}
