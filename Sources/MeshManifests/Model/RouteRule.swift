// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// A rule of Istio's first routing API.
struct RouteRule: Sendable {
    var metadata: ManifestMetadata
    /// The service whose requests it is about.
    var destination: Located<HostPattern>
    /// Higher comes first; default 0.
    var precedence: Int
    /// What requests and clients must be; `nil` for all.
    var condition: RequestCondition?
    /// Where the traffic goes; empty for the service as a whole.
    var shares: [TrafficShare]
    /// Whether a share has a weight of its own.
    var isWeighted: Bool
    var timeout: Nanoseconds?
    /// `nil` for what Istio does where nothing is said.
    var retry: TrafficRule.RetrySetting?
    var fault: FaultConfiguration?
    var position: SourcePosition

    /// The labels of the workloads that a rule is only about in that it disturbs them.
    ///
    /// A rule that has a fault, no weights and no condition does not say how traffic is split. Where another rule does,
    /// it adds its fault to what goes to its labels; where none does, it routes, as every rule did in Istio 0.x.
    var faultLabels: [String: String]? {
        guard fault != nil, condition == nil, !isWeighted, shares.count <= 1 else { return nil }
        guard shares.allSatisfy({ $0.host.value == destination.value }) else { return nil }
        guard case .labels(let labels)? = shares.first?.subset else { return [:] }
        return labels
    }
}

/// A policy of Istio's first API: how some clients treat some workloads of a service.
struct DestinationPolicy: Sendable {
    var metadata: ManifestMetadata
    var source: SourceCondition
    var destination: Located<HostPattern>
    var labels: [String: String]
    var policy: TrafficPolicy
}
