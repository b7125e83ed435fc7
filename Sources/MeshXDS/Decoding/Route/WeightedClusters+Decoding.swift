// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

extension WeightedClusters {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_WeightedCluster.self,
        "clusters",
        "runtime_key_prefix",
        "header_name",
        "use_hash_policy"
    )

    /// Decodes a split; a weight that is left out is 0.
    /// - Returns: `nil`, with a problem, if it is bad.
    init?(
        _ message: Envoy_Config_Route_V3_WeightedCluster,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let choice: Choice
        switch message.randomValueSpecifier {
        case .headerName(let text) where !text.isEmpty:
            guard let name = context.headerName(text, at: path["header_name"]) else { return nil }
            choice = .header(name)
        case .useHashPolicy(let usesHash) where usesHash.value: choice = .hash
        case .headerName, .useHashPolicy, nil: choice = .random
        }
        guard let shares = context.list(message.clusters, at: path, "clusters", WeightedCluster.init) else {
            return nil
        }
        do {
            try self.init(shares, choice: choice, runtimeKeyPrefix: message.runtimeKeyPrefix)
        } catch {
            // Its paths begin with `clusters`, as the API's do.
            for problem in error.problems { context.reject(path[problem.path], problem.message) }
            return nil
        }
    }

    /// Reads what filters do for single clusters (gRFC A39: it wins over what they do on the route).
    static func readOverrides(
        _ message: Envoy_Config_Route_V3_WeightedCluster,
        at path: FieldPath,
        into forward: inout RouteAction.Forward,
        _ context: inout DecodingContext
    ) {
        for (position, share) in message.clusters.enumerated() where !share.typedPerFilterConfig.isEmpty {
            let path = path["clusters", position]["typed_per_filter_config"]
            var overrides = RouteOverrides(share.typedPerFilterConfig, at: path, &context)
            guard !share.name.isEmpty else {
                context.ignore(path, "needs the cluster's name")
                continue
            }
            if overrides.rateLimit != nil || overrides.cors != nil || overrides.policies != .none {
                context.ignore(path, "a plain rate limit, CORS or a policy of a single cluster is not supported")
                overrides.filters.localRateLimit = nil
            }
            let name = share.name.canonicalResourceName
            forward.clusterFaults[name] = overrides.fault ?? forward.clusterFaults[name]
            if overrides.filters != .none { forward.clusterFilters[name] = overrides.filters }
        }
    }
}

extension WeightedCluster {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_WeightedCluster.ClusterWeight.self,
        "name",
        "cluster_header",
        "weight",
        "request_headers_to_add",
        "request_headers_to_remove",
        "response_headers_to_add",
        "response_headers_to_remove",
        "typed_per_filter_config",
        "host_rewrite_literal",
        "metadata_match"
    )

    fileprivate init?(
        _ message: Envoy_Config_Route_V3_WeightedCluster.ClusterWeight,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        var header: HeaderName?
        if !message.clusterHeader.isEmpty {
            header = context.headerName(message.clusterHeader, at: path["cluster_header"])
            guard header != nil else { return nil }
        }
        guard let headers = HeaderMutations(message, at: path, &context) else { return nil }
        self.init(
            message.name.canonicalResourceName,
            weight: message.hasWeight ? message.weight.value : 0,
            clusterHeader: header,
            headers: headers,
            host: message.hostRewriteLiteral.isEmpty ? nil : message.hostRewriteLiteral,
            endpointLabels: LabelMetadata.labels(in: message.metadataMatch)
        )
    }
}

extension Envoy_Config_Route_V3_WeightedCluster {
    /// Encodes a split, with what filters do for single clusters.
    init(
        _ clusters: WeightedClusters,
        faults: [String: FaultConfiguration],
        filters: [String: FilterOverrides]
    ) throws {
        self.init()
        self.clusters = try clusters.shares.map { share in
            var message = ClusterWeight()
            message.name = share.cluster
            if let header = share.clusterHeader { message.clusterHeader = header.lowercased }
            message.weight = Google_Protobuf_UInt32Value(share.weight)
            message.set(share.headers)
            if let host = share.host { message.hostRewriteLiteral = host }
            if !share.endpointLabels.isEmpty { LabelMetadata.set(share.endpointLabels, in: &message.metadataMatch) }
            guard share.clusterHeader == nil else { return message }
            if let fault = faults[share.cluster] {
                message.typedPerFilterConfig[FilterNames.fault] = try FaultCodec.encoded(fault)
            }
            try message.typedPerFilterConfig.add(filters[share.cluster] ?? .none)
            return message
        }
        runtimeKeyPrefix = clusters.runtimeKeyPrefix
        switch clusters.choice {
        case .random: break
        case .header(let name): headerName = name.lowercased
        case .hash: useHashPolicy = Google_Protobuf_BoolValue(true)
        }
    }
}
