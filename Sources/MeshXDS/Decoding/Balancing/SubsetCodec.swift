// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// Groups of endpoints around another policy (`envoy.extensions.load_balancing_policies.subset.v3`).
struct SubsetCodec: LoadBalancingCodec {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_Subset_V3_Subset
    private static let read = ReadFields(
        Message.self,
        "fallback_policy",
        "default_subset",
        "subset_selectors",
        "allow_redundant_keys",
        "locality_weight_aware",
        "scale_locality_weight",
        "panic_mode_any",
        "list_as_any",
        "metadata_fallback_policy",
        "subset_lb_policy"
    )

    var typeName: String { Message.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        // Its other fields are those of the older settings, by number and type.
        guard let older = context.unpack(message, as: Envoy_Config_Cluster_V3_Cluster.LbSubsetConfig.self, at: path),
            let message = context.unpack(message, as: Message.self, at: path)
        else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let inner = Cluster.LoadBalancing(
            message.subsetLbPolicy,
            at: path["subset_lb_policy"],
            depth: depth + 1,
            &context
        )
        var subsets = SubsetBalancing(older, at: path, &context)
        subsets?.allowsRedundantKeys = message.allowRedundantKeys
        context.structure.subsets = subsets
        return subsets == nil ? nil : inner
    }

    func encode(_ policy: any LoadBalancingPolicy) -> Google_Protobuf_Any? { nil }

    /// Encodes groups of endpoints around a policy.
    static func encoded(
        _ subsets: SubsetBalancing,
        around policy: Envoy_Config_Cluster_V3_LoadBalancingPolicy
    ) throws -> Google_Protobuf_Any {
        var message = Message()
        message.subsetLbPolicy = policy
        switch subsets.fallback {
        case .none: message.fallbackPolicy = .noFallback
        case .anyEndpoint: message.fallbackPolicy = .anyEndpoint
        case .defaultSubset: message.fallbackPolicy = .defaultSubset
        }
        if !subsets.defaultSubset.isEmpty {
            message.defaultSubset = Google_Protobuf_Struct(fields: subsets.defaultSubset.mapValues(\.proto))
        }
        message.subsetSelectors = subsets.selectors.map { selector in
            .with { message in
                message.keys = selector.keys.sorted()
                message.singleHostPerSubset = selector.hasSingleEndpoint
                switch selector.fallback {
                case .ofCluster: message.fallbackPolicy = .notDefined
                case .none: message.fallbackPolicy = .noFallback
                case .anyEndpoint: message.fallbackPolicy = .anyEndpoint
                case .defaultSubset: message.fallbackPolicy = .defaultSubset
                case .keys(let keys):
                    message.fallbackPolicy = .keysSubset
                    message.fallbackKeysSubset = keys.sorted()
                }
            }
        }
        message.allowRedundantKeys = subsets.allowsRedundantKeys
        message.localityWeightAware = subsets.heedsLocalityWeights
        message.scaleLocalityWeight = subsets.scalesLocalityWeights
        message.panicModeAny = subsets.panicUsesAnyEndpoint
        message.listAsAny = subsets.readsListsAsAny
        if subsets.readsFallbackLists { message.metadataFallbackPolicy = .fallbackList }
        return try Google_Protobuf_Any(packing: message)
    }
}

extension SubsetBalancing {
    /// Decodes the settings of a cluster.
    /// - Returns: `nil`, with a problem, if they break a bound.
    init?(
        _ message: Envoy_Config_Cluster_V3_Cluster.LbSubsetConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let fallback: Fallback
        switch message.fallbackPolicy {
        case .anyEndpoint: fallback = .anyEndpoint
        case .defaultSubset: fallback = .defaultSubset
        case .noFallback: fallback = .none
        case .UNRECOGNIZED(let number):
            context.reject(path["fallback_policy"], "\(number) is no policy")
            return nil
        }
        self.init(
            selectors: message.subsetSelectors.map { selector in
                let fallback: Selector.Fallback =
                    switch selector.fallbackPolicy {
                    case .notDefined, .UNRECOGNIZED: .ofCluster
                    case .noFallback: .none
                    case .anyEndpoint: .anyEndpoint
                    case .defaultSubset: .defaultSubset
                    case .keysSubset: .keys(Set(selector.fallbackKeysSubset))
                    }
                return Selector(
                    keys: Set(selector.keys),
                    fallback: fallback,
                    hasSingleEndpoint: selector.singleHostPerSubset
                )
            },
            fallback: fallback,
            defaultSubset: message.defaultSubset.fields.mapValues { MetadataValue($0) },
            heedsLocalityWeights: message.localityWeightAware,
            scalesLocalityWeights: message.scaleLocalityWeight,
            panicUsesAnyEndpoint: message.panicModeAny,
            readsListsAsAny: message.listAsAny,
            readsFallbackLists: message.metadataFallbackPolicy == .fallbackList
        )
        do {
            try validate()
        } catch {
            for problem in error.problems {
                context.reject(path[problem.path.replacing("selectors", with: "subset_selectors")], problem.message)
            }
            return nil
        }
    }
}
