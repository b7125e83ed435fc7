// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
public import MeshCore

/// The load-balancing policies and HTTP filters that resources may name.
///
/// A new one is a codec in its own file and a line in `standard`; an app adds its own with `register`.
public struct ExtensionRegistry: Sendable {
    private var policies: [String: any LoadBalancingCodec] = [:]
    private var policyOrder: [String] = []
    /// The HTTP filters, in the order in which they are asked to encode one.
    private(set) var filters: [any HTTPFilterCodec] = []

    /// What this library brings.
    public static let standard = ExtensionRegistry(
        policies: [
            RoundRobinCodec(), LeastRequestCodec(), RandomCodec(), RingHashCodec(), MaglevCodec(),
            ClientSideWeightedRoundRobinCodec(), PickFirstCodec(), LocalityWeightedCodec(), SubsetCodec(),
            OverrideHostCodec(), PeakEWMACodec(), RendezvousCodec(), DeterministicApertureCodec(),
            RandomSubsettingCodec(),
        ],
        filters: [
            RouterCodec(), FaultCodec(), AuthorizationCodec(), RateLimitCodec(), AdmissionControlCodec(),
            AdaptiveConcurrencyCodec(), CORSCodec(), GlobalRateLimitCodec(), HeaderMutationCodec(), BufferCodec(),
            StatefulSessionCodec(), JWTCodec(), ExternalAuthorizationCodec(),
        ]
    )

    init(policies: [any LoadBalancingCodec], filters: [any HTTPFilterCodec]) {
        for policy in policies { add(policy) }
        self.filters = filters
    }

    /// Adds a load-balancing policy of the app, in place of one with the same name.
    /// - Parameters:
    ///   - typeName: The full name of the protobuf message that configures it.
    ///   - decode: Makes the policy from the message's bytes.
    ///   - encode: Makes the message's bytes from a policy; `nil` if the policy is another one.
    public mutating func register(
        loadBalancing typeName: String,
        decode: @escaping @Sendable ([UInt8]) throws(ConfigurationError) -> any LoadBalancingPolicy,
        encode: @escaping @Sendable (any LoadBalancingPolicy) -> [UInt8]?
    ) {
        add(CustomLoadBalancingCodec(typeName: typeName, decodeBytes: decode, encodePolicy: encode))
    }

    private mutating func add(_ codec: any LoadBalancingCodec) {
        if policies.updateValue(codec, forKey: codec.typeName) == nil { policyOrder.append(codec.typeName) }
    }

    /// The codec of a message's type.
    func loadBalancing(_ typeName: String) -> (any LoadBalancingCodec)? { policies[typeName] }

    /// The load-balancing codecs, in the order in which they were added.
    var loadBalancing: [any LoadBalancingCodec] { policyOrder.compactMap { policies[$0] } }

    /// The codec of a filter's type, or of the type of its settings for a route.
    func filter(_ typeName: String) -> (any HTTPFilterCodec)? {
        filters.first { $0.typeName == typeName || $0.overrideTypeName == typeName }
    }
}
