// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics

/// The metrics of gRPC calls that share their labels (gRFC A66).
final class RPCSeries: Sendable {
    struct Labels: SeriesLabels {
        /// What is measured.
        enum Kind: Hashable, Sendable {
            /// Attempts that began, which have no status yet.
            case attemptsStarted
            case attempts
            case calls
        }

        var kind: Kind
        var method: String
        var target: String
        /// The status, where there is one; -1 in the overflow series.
        var status: Int
        /// The cluster (gRFC A89's `grpc.lb.backend_service`); empty for calls, which may have gone to several.
        var cluster: String
        /// The place of the endpoint that an attempt went to, as far as it is known.
        var locality: Locality?

        var overflow: Labels { Labels(kind: kind, method: "other", target: "other", status: -1, cluster: "other") }
    }

    let started: Counter?
    let duration: Recorder?
    let sentBytes: Recorder?
    let receivedBytes: Recorder?
    let retries: Recorder?

    init(_ labels: Labels, factory: any MetricsFactory) {
        var dimensions = [("grpc.method", labels.method), ("grpc.target", labels.target)]
        if labels.kind != .attemptsStarted {
            let status = labels.status < 0 ? "other" : RPCStatusName.name(of: labels.status)
            dimensions.append(("grpc.status", status))
        }
        if labels.kind != .calls { dimensions.append(GRPCLabel.backendService(labels.cluster)) }
        if labels.kind == .attempts {
            let cluster = labels.status < 0 ? nil : labels.cluster
            dimensions.append(GRPCLabel.locality(labels.locality, of: cluster))
        }
        // A recorder and not a timer: backends choose a timer's unit themselves, and these are seconds.
        func recorder(_ name: String) -> Recorder {
            Recorder(label: name, dimensions: dimensions, aggregate: true, factory: factory)
        }
        switch labels.kind {
        case .attemptsStarted:
            started = Counter(label: "grpc.client.attempt.started", dimensions: dimensions, factory: factory)
            (duration, sentBytes, receivedBytes, retries) = (nil, nil, nil, nil)
        case .attempts:
            started = nil
            duration = recorder("grpc.client.attempt.duration")
            sentBytes = recorder("grpc.client.attempt.sent_total_compressed_message_size")
            receivedBytes = recorder("grpc.client.attempt.rcvd_total_compressed_message_size")
            retries = nil
        case .calls:
            started = nil
            duration = recorder("grpc.client.call.duration")
            (sentBytes, receivedBytes) = (nil, nil)
            retries = recorder("grpc.client.call.retries")
        }
    }
}
