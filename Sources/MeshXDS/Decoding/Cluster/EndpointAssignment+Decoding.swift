// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension EndpointAssignment {
    private static let read = ReadFields(
        Envoy_Config_Endpoint_V3_ClusterLoadAssignment.self,
        "cluster_name",
        "endpoints",
        "policy"
    )
    private static let readPolicy = ReadFields(
        Envoy_Config_Endpoint_V3_ClusterLoadAssignment.Policy.self,
        "overprovisioning_factor",
        "drop_overloads"
    )

    /// Decodes the endpoints of a cluster and checks what gRFC A27 demands of them.
    init?(
        _ message: Envoy_Config_Endpoint_V3_ClusterLoadAssignment,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        context.ignoreOthers(in: message.policy, at: path["policy"], read: Self.readPolicy)
        var groups: [LocalityEndpoints] = []
        var weights: [UInt32: UInt64] = [:]
        for (position, group) in message.endpoints.enumerated() {
            let path = path["endpoints", position]
            if group.hasLoadBalancingWeight, group.loadBalancingWeight.value == 0 {
                context.ignore(path, "the weight is 0, so that no request goes there")
                continue
            }
            guard let group = LocalityEndpoints(group, at: path, &context) else { return nil }
            weights[group.priority, default: 0] += UInt64(group.weight ?? 0)
            groups.append(group)
        }
        for (priority, sum) in weights.sorted(by: { $0.key < $1.key }) where sum > UInt64(UInt32.max) {
            context.reject(
                path["endpoints"],
                "the weights of priority \(priority) sum to \(sum), above the bound of 4294967295"
            )
        }
        var factor: UInt32 = 140
        if message.policy.hasOverprovisioningFactor {
            factor = message.policy.overprovisioningFactor.value
            if factor == 0 { context.reject(path["policy"]["overprovisioning_factor"], "must be greater than 0") }
        }
        var drops: [DropOverload] = []
        for (position, drop) in message.policy.dropOverloads.enumerated() {
            let path = path["policy"]["drop_overloads", position]
            guard !drop.category.isEmpty else {
                context.reject(path["category"], "is empty")
                return nil
            }
            guard let share = FractionalPercent(drop.dropPercentage, at: path["drop_percentage"], &context) else {
                return nil
            }
            drops.append(DropOverload(category: drop.category, share: share))
        }
        self.init(
            name: message.clusterName.canonicalResourceName,
            localities: groups,
            overprovisioningFactor: max(factor, 1),
            dropOverloads: drops
        )
        do {
            try validate()
        } catch {
            for problem in error.problems {
                context.reject(path[Self.protobufPath(problem.path)], problem.message)
            }
            return nil
        }
    }

    /// The path of a problem in the names of the API.
    private static func protobufPath(_ path: String) -> String {
        path.replacing(".endpoints[", with: ".lb_endpoints[").replacing("localities", with: "endpoints")
            .replacing(".additionalAddresses", with: ".endpoint.additional_addresses")
    }
}

extension LocalityEndpoints {
    private static let read = ReadFields(
        Envoy_Config_Endpoint_V3_LocalityLbEndpoints.self,
        "locality",
        "lb_endpoints",
        "load_balancing_weight",
        "priority",
        "metadata"
    )

    fileprivate init?(
        _ message: Envoy_Config_Endpoint_V3_LocalityLbEndpoints,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard let proxy = ProxyMetadata(message.metadata, at: path["metadata"], &context) else { return nil }
        var endpoints: [ClusterEndpoint] = []
        for (position, endpoint) in message.lbEndpoints.enumerated() {
            guard var endpoint = ClusterEndpoint(endpoint, at: path["lb_endpoints", position], &context) else {
                return nil
            }
            // What is said for the locality holds for those of its endpoints that say nothing.
            endpoint.proxy = endpoint.proxy ?? proxy.address
            endpoints.append(endpoint)
        }
        self.init(
            locality: Locality(
                region: message.locality.region,
                zone: message.locality.zone,
                subZone: message.locality.subZone
            ),
            priority: message.priority,
            weight: message.hasLoadBalancingWeight ? message.loadBalancingWeight.value : nil,
            endpoints: endpoints
        )
    }
}

extension ClusterEndpoint {
    private static let read = ReadFields(
        Envoy_Config_Endpoint_V3_LbEndpoint.self,
        "endpoint",
        "endpoint_name",
        "health_status",
        "metadata",
        "load_balancing_weight"
    )
    private static let readEndpoint = ReadFields(
        Envoy_Config_Endpoint_V3_Endpoint.self,
        "address",
        "hostname",
        "health_check_config",
        "additional_addresses"
    )

    fileprivate init?(
        _ message: Envoy_Config_Endpoint_V3_LbEndpoint,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard case .endpoint(let endpoint) = message.hostIdentifier else {
            context.reject(path["endpoint"], "is missing")
            return nil
        }
        context.ignoreOthers(in: endpoint, at: path["endpoint"], read: Self.readEndpoint)
        guard let address = EndpointAddress(endpoint.address, at: path["endpoint"]["address"], &context) else {
            return nil
        }
        guard let others = Self.additionalAddresses(of: endpoint, at: path["endpoint"], &context) else { return nil }
        let checkPath = path["endpoint"]["health_check_config"]
        guard let healthCheck = EndpointHealthCheck(endpoint.healthCheckConfig, at: checkPath, &context) else {
            return nil
        }
        if message.hasLoadBalancingWeight, message.loadBalancingWeight.value == 0 {
            context.reject(path["load_balancing_weight"], "must be at least 1")
            return nil
        }
        guard let proxy = ProxyMetadata(message.metadata, at: path["metadata"], &context) else { return nil }
        self.init(
            address,
            health: HealthStatus(message.healthStatus),
            weight: message.hasLoadBalancingWeight ? message.loadBalancingWeight.value : 1,
            speaksMutualTLS: MutualTLSMetadata.isSet(in: message.metadata),
            hostname: endpoint.hostname,
            proxy: proxy.address,
            hashKey: HashKeyMetadata.key(in: message.metadata),
            labels: LabelMetadata.labels(in: message.metadata),
            healthCheck: healthCheck,
            additionalAddresses: others
        )
    }
}

extension HealthStatus {
    /// Decodes a status; one that is not known counts as unknown.
    fileprivate init(_ status: Envoy_Config_Core_V3_HealthStatus) {
        self =
            switch status {
            case .unknown, .UNRECOGNIZED: .unknown
            case .healthy: .healthy
            case .unhealthy: .unhealthy
            case .draining: .draining
            case .timeout: .timeout
            case .degraded: .degraded
            }
    }
}
