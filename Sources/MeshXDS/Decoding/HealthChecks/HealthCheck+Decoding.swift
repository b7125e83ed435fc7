// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import SwiftProtobuf

extension HealthCheck {
    private static let read = ReadFields(
        Envoy_Config_Core_V3_HealthCheck.self,
        "timeout",
        "interval",
        "initial_jitter",
        "interval_jitter",
        "interval_jitter_percent",
        "unhealthy_threshold",
        "healthy_threshold",
        "reuse_connection",
        "http_health_check",
        "tcp_health_check",
        "grpc_health_check",
        "no_traffic_interval",
        "no_traffic_healthy_interval",
        "unhealthy_interval",
        "unhealthy_edge_interval",
        "healthy_edge_interval"
    )

    /// Decodes the check of a cluster.
    /// - Returns: `nil` if it has none, or none that is supported; with a problem, if it is bad.
    init?(_ message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        let ignoresNew = message.commonLbConfig.ignoreNewHostsUntilFirstHc
        guard let check = message.healthChecks.first else {
            if ignoresNew {
                let path = FieldPath.root["common_lb_config"]["ignore_new_hosts_until_first_hc"]
                context.ignore(path, "there is no health check")
            }
            return nil
        }
        // Envoy's own rule.
        guard message.healthChecks.count == 1 else {
            let count = message.healthChecks.count
            context.reject(.root["health_checks"], "must have at most 1 element, has \(count)")
            return nil
        }
        self.init(check, at: .root["health_checks", 0], &context)
        ignoresNewEndpoints = ignoresNew
    }

    private init?(
        _ message: Envoy_Config_Core_V3_HealthCheck,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let others = context.ignoreOthers(in: message, at: path, read: Self.read)
        let kind: Kind?
        switch message.healthChecker {
        case .httpHealthCheck(let http): kind = HTTP(http, at: path["http_health_check"], &context).map(Kind.http)
        case .grpcHealthCheck(let grpc): kind = GRPC(grpc, at: path["grpc_health_check"], &context).map(Kind.grpc)
        case .tcpHealthCheck(let tcp): kind = TCP(tcp, at: path["tcp_health_check"], &context).map(Kind.tcp)
        case nil:
            // What is not supported was reported.
            if !others.contains("custom_health_check") { context.reject(path, "says not what to ask") }
            kind = nil
        }
        // Before the guard, so that every problem is reported at once.
        guard let base = Self.times(of: message, at: path, &context), let kind else { return nil }
        self = base
        self.kind = kind
    }

    /// Decodes how often and how long, whatever is asked.
    private static func times(
        of message: Envoy_Config_Core_V3_HealthCheck,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> HealthCheck? {
        var isValid = true
        func positive(_ name: String, _ span: Google_Protobuf_Duration, isSet: Bool) -> Nanoseconds? {
            guard isSet else { return nil }
            let value = Nanoseconds(positive: span, at: path[name], &context)
            isValid = isValid && value != nil
            return value
        }
        func jitter(_ name: String, _ span: Google_Protobuf_Duration) -> Nanoseconds {
            let value = Nanoseconds(span, at: path[name], &context)
            isValid = isValid && value != nil
            return value ?? .zero
        }
        for (name, isSet) in [
            ("timeout", message.hasTimeout), ("interval", message.hasInterval),
            ("unhealthy_threshold", message.hasUnhealthyThreshold),
            ("healthy_threshold", message.hasHealthyThreshold),
        ] where !isSet {
            context.reject(path[name], "is missing")
            isValid = false
        }
        var check = HealthCheck(.tcp(TCP()))
        if let span = positive("timeout", message.timeout, isSet: message.hasTimeout) { check.timeout = span }
        if let span = positive("interval", message.interval, isSet: message.hasInterval) { check.interval = span }
        check.unhealthyThreshold = message.unhealthyThreshold.value
        check.healthyThreshold = message.healthyThreshold.value
        check.initialJitter = jitter("initial_jitter", message.initialJitter)
        check.intervalJitter = jitter("interval_jitter", message.intervalJitter)
        check.intervalJitterPercent = message.intervalJitterPercent
        if message.hasReuseConnection { check.reusesConnections = message.reuseConnection.value }
        if let span = positive(
            "no_traffic_interval",
            message.noTrafficInterval,
            isSet: message.hasNoTrafficInterval
        ) {
            check.noTrafficInterval = span
        }
        check.noTrafficHealthyInterval = positive(
            "no_traffic_healthy_interval",
            message.noTrafficHealthyInterval,
            isSet: message.hasNoTrafficHealthyInterval
        )
        check.unhealthyInterval = positive(
            "unhealthy_interval",
            message.unhealthyInterval,
            isSet: message.hasUnhealthyInterval
        )
        check.unhealthyEdgeInterval = positive(
            "unhealthy_edge_interval",
            message.unhealthyEdgeInterval,
            isSet: message.hasUnhealthyEdgeInterval
        )
        check.healthyEdgeInterval = positive(
            "healthy_edge_interval",
            message.healthyEdgeInterval,
            isSet: message.hasHealthyEdgeInterval
        )
        return isValid ? check : nil
    }
}

extension Envoy_Config_Core_V3_HealthCheck {
    /// Encodes a check.
    init(_ check: HealthCheck) {
        self.init()
        timeout = Google_Protobuf_Duration(check.timeout)
        interval = Google_Protobuf_Duration(check.interval)
        unhealthyThreshold = Google_Protobuf_UInt32Value(check.unhealthyThreshold)
        healthyThreshold = Google_Protobuf_UInt32Value(check.healthyThreshold)
        if check.initialJitter > .zero { initialJitter = Google_Protobuf_Duration(check.initialJitter) }
        if check.intervalJitter > .zero { intervalJitter = Google_Protobuf_Duration(check.intervalJitter) }
        intervalJitterPercent = check.intervalJitterPercent
        if !check.reusesConnections { reuseConnection = Google_Protobuf_BoolValue(false) }
        noTrafficInterval = Google_Protobuf_Duration(check.noTrafficInterval)
        if let span = check.noTrafficHealthyInterval { noTrafficHealthyInterval = Google_Protobuf_Duration(span) }
        if let span = check.unhealthyInterval { unhealthyInterval = Google_Protobuf_Duration(span) }
        if let span = check.unhealthyEdgeInterval { unhealthyEdgeInterval = Google_Protobuf_Duration(span) }
        if let span = check.healthyEdgeInterval { healthyEdgeInterval = Google_Protobuf_Duration(span) }
        switch check.kind {
        case .http(let http): httpHealthCheck = HttpHealthCheck(http)
        case .grpc(let grpc): grpcHealthCheck = GrpcHealthCheck(grpc)
        case .tcp(let tcp): tcpHealthCheck = TcpHealthCheck(tcp)
        }
    }
}
