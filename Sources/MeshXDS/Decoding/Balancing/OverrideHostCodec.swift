// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// Endpoints that requests name, around another policy (`envoy.extensions.load_balancing_policies.override_host.v3`).
///
/// Only the inner policy remains; which headers name endpoints is said of the cluster.
struct OverrideHostCodec: LoadBalancingCodec {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_OverrideHost_V3_OverrideHost
    private static let read = ReadFields(Message.self, "override_host_sources", "fallback_policy")
    private static let readSource = ReadFields(Message.OverrideHostSource.self, "header", "metadata")

    var typeName: String { Message.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard !message.overrideHostSources.isEmpty else {
            context.reject(path["override_host_sources"], "is empty")
            return nil
        }
        guard message.overrideHostSources.count <= Cluster.maximumOverrideHostHeaders else {
            context.reject(
                path["override_host_sources"],
                "must be at most \(Cluster.maximumOverrideHostHeaders), are \(message.overrideHostSources.count)"
            )
            return nil
        }
        var headers: [HeaderName] = []
        for (position, source) in message.overrideHostSources.enumerated() {
            let path = path["override_host_sources", position]
            context.ignoreOthers(in: source, at: path, read: Self.readSource)
            guard source.header.isEmpty == source.hasMetadata else {
                context.reject(path, "must have a header or metadata, and not both")
                return nil
            }
            if source.hasMetadata {
                context.ignore(path["metadata"], "endpoints are named by headers only")
            } else {
                guard let header = context.headerName(source.header, at: path["header"]) else { return nil }
                headers.append(header)
            }
        }
        guard message.hasFallbackPolicy else {
            context.reject(path["fallback_policy"], "is missing")
            return nil
        }
        context.structure.overrideHostHeaders = headers
        return Cluster.LoadBalancing(
            message.fallbackPolicy,
            at: path["fallback_policy"],
            depth: depth + 1,
            &context
        )
    }

    func encode(_ policy: any LoadBalancingPolicy) -> Google_Protobuf_Any? { nil }

    /// Encodes the headers that name endpoints around a policy.
    static func encoded(
        _ headers: [HeaderName],
        around policy: Envoy_Config_Cluster_V3_LoadBalancingPolicy
    ) throws -> Google_Protobuf_Any {
        try Google_Protobuf_Any(
            packing: Message.with { message in
                message.overrideHostSources = headers.map { header in .with { $0.header = header.lowercased } }
                message.fallbackPolicy = policy
            }
        )
    }
}
