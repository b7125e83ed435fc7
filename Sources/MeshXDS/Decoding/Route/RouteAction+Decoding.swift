// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

extension RouteAction {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RouteAction.self,
        "cluster",
        "cluster_header",
        "weighted_clusters",
        "timeout",
        "max_stream_duration",
        "retry_policy"
    )
    private static let readDuration = ReadFields(
        Envoy_Config_Route_V3_RouteAction.MaxStreamDuration.self,
        "max_stream_duration"
    )

    /// Decodes a forwarding action.
    init?(
        _ message: Envoy_Config_Route_V3_RouteAction,
        retry: Envoy_Config_Route_V3_RetryPolicy?,
        alwaysReplays: Bool,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let others = context.ignoreOthers(in: message, at: path, read: Self.read)
        let clusters: WeightedClusters
        switch message.clusterSpecifier {
        case .cluster(let name):
            guard !name.isEmpty else {
                context.reject(path["cluster"], "is empty")
                return nil
            }
            clusters = WeightedClusters(single: name)
        case .weightedClusters(let message):
            guard let split = WeightedClusters(message, at: path["weighted_clusters"], &context) else { return nil }
            clusters = split
        case .clusterHeader:
            self = .unsupported("cluster_header", at: path["cluster_header"], &context)
            return
        case nil:
            let newer = others.first { $0.hasSuffix("cluster_specifier_plugin") }
            guard let newer else {
                context.reject(path, "has no cluster")
                return nil
            }
            self = .unsupported(newer, at: path[newer], &context)
            return
        }
        guard case .some(let timeout) = Self.timeout(message, at: path, &context) else { return nil }
        var forward = Forward(clusters: clusters, timeout: timeout)
        forward.clusterFaults = Self.clusterFaults(message.weightedClusters, at: path["weighted_clusters"], &context)
        if let retry {
            let path = path["retry_policy"]
            guard let policy = RetryPolicy(retry, alwaysReplays: alwaysReplays, at: path, &context) else { return nil }
            forward.retry = policy
        }
        self = .forward(forward)
    }

    /// The faults of single clusters (gRFC A39: they win over the route's).
    private static func clusterFaults(
        _ message: Envoy_Config_Route_V3_WeightedCluster,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [String: FaultConfiguration] {
        var faults: [String: FaultConfiguration] = [:]
        for (position, share) in message.clusters.enumerated() where !share.typedPerFilterConfig.isEmpty {
            let path = path["clusters", position]
            let overrides = RouteOverrides(share.typedPerFilterConfig, at: path, &context)
            if overrides.rateLimit != nil {
                context.ignore(path["typed_per_filter_config"], "a rate limit of a single cluster is not supported")
            }
            faults[share.name] = overrides.fault ?? faults[share.name]
        }
        return faults
    }

    /// The time limit: gRPC's `max_stream_duration` wins over Envoy's `timeout`; 0 is none in both (gRFC A31).
    ///
    /// Envoy's default of 15 s is not taken over: every control plane that is known overwrites it.
    /// - Returns: `nil`, with a problem, if the limit is bad; `.some(nil)` for none.
    private static func timeout(
        _ message: Envoy_Config_Route_V3_RouteAction,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Nanoseconds?? {
        var limit: Nanoseconds?
        if message.hasMaxStreamDuration {
            context.ignoreOthers(in: message.maxStreamDuration, at: path["max_stream_duration"], read: readDuration)
        }
        if message.hasMaxStreamDuration, message.maxStreamDuration.hasMaxStreamDuration {
            let path = path["max_stream_duration"]["max_stream_duration"]
            limit = Nanoseconds(message.maxStreamDuration.maxStreamDuration, at: path, &context)
        } else if message.hasTimeout {
            limit = Nanoseconds(message.timeout, at: path["timeout"], &context)
        } else {
            return .some(nil)
        }
        guard let limit else { return nil }
        return .some(limit == .zero ? nil : limit)
    }
}

extension WeightedClusters {
    private static let read = ReadFields(Envoy_Config_Route_V3_WeightedCluster.self, "clusters")
    private static let readShare = ReadFields(
        Envoy_Config_Route_V3_WeightedCluster.ClusterWeight.self,
        "name",
        "weight",
        "typed_per_filter_config"
    )

    /// Decodes a split; a weight that is left out is 0.
    init?(
        _ message: Envoy_Config_Route_V3_WeightedCluster,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        var shares: [WeightedCluster] = []
        for (position, share) in message.clusters.enumerated() {
            context.ignoreOthers(in: share, at: path["clusters", position], read: Self.readShare)
            shares.append(WeightedCluster(share.name, weight: share.hasWeight ? share.weight.value : 0))
        }
        do {
            try self.init(shares)
        } catch {
            // Its paths begin with `clusters`, as the API's do.
            for problem in error.problems { context.reject(path[problem.path], problem.message) }
            return nil
        }
    }
}
