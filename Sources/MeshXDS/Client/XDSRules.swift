// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import SwiftProtobuf

/// Whose rules hold for clusters and retries, where Envoy and gRPC's own clients read the same resource in different ways.
///
/// No field of xDS says it: it depends on what client one is. It is told for each source, and holds for every cluster that
/// the source delivers; `MeshConfiguration.amend` comes later and can say otherwise for some.
public enum XDSRules: String, Hashable, CaseIterable, Sendable {
    /// Envoy's.
    case envoy
    /// Those of gRPC's own clients:
    /// - priorities fail over at once, and a new one is waited for for 10 s (gRFC A56; `PriorityMode.grpc`); hence there is
    ///   no panic, and degraded endpoints get nothing;
    /// - outlier detection judges by rates alone, once an interval (gRFC A50; `OutlierDetection.Mode.grpc`);
    /// - weights of localities count, whatever the cluster says of zones (gRFC A27, A52);
    /// - calls are retried by gRPC's statuses alone, whatever their methods, in five attempts at most (gRFC A44).
    ///
    /// What gRPC's clients do not look at in consequence is reported as ignored. What they do not have at all, as active
    /// health checks and subsets, stays in force. Routes are matched and hashed by Envoy's rules.
    case grpc

    /// When a priority's traffic goes on to the next one.
    var priorities: PriorityMode {
        switch self {
        case .envoy: .spill
        case .grpc: .grpc
        }
    }

    /// Whose rules eject endpoints.
    var outlierDetection: OutlierDetection.Mode {
        switch self {
        case .envoy: .envoy
        case .grpc: .grpc
        }
    }
}

extension DecodingContext {
    /// Whether zones count; where they do not, what is said of them is reported.
    mutating func heedsZones(at path: FieldPath) -> Bool {
        guard rules == .grpc else { return true }
        ignore(path, "has no effect by gRPC's rules: weights of localities count")
        return false
    }

    /// Reports the rules of outlier detection that gRPC's clients do not have, where theirs hold.
    mutating func ignoreWithoutRates(_ message: Envoy_Config_Cluster_V3_OutlierDetection, at path: FieldPath) {
        guard rules == .grpc else { return }
        for name in Self.unlikeRates.set(in: message) {
            ignore(path[name], "has no effect by gRPC's rules, which know rates only")
        }
    }

    /// What is no rule on rates, and no bound of those.
    private static let unlikeRates = ReadFields(
        Envoy_Config_Cluster_V3_OutlierDetection.self,
        "consecutive_5xx",
        "enforcing_consecutive_5xx",
        "consecutive_gateway_failure",
        "enforcing_consecutive_gateway_failure",
        "split_external_local_origin_errors",
        "consecutive_local_origin_failure",
        "enforcing_consecutive_local_origin_failure",
        "enforcing_local_origin_success_rate",
        "enforcing_failure_percentage_local_origin",
        "max_ejection_time_jitter",
        "always_eject_one_host"
    )
}
