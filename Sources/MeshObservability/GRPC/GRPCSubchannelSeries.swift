// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics
import Synchronization

/// What is counted of all connections, whose names gRFC A94 replaces.
struct GRPCChannelSeries: Sendable {
    let connected: Counter
    let failed: Counter
    let disconnected: Counter

    init(_ maker: GRPCMetricMaker) {
        connected = maker.counter("lb.pick_first.connection_attempts_succeeded")
        failed = maker.counter("lb.pick_first.connection_attempts_failed")
        disconnected = maker.counter("lb.pick_first.disconnections")
    }
}

/// What is counted of the connections to a cluster's endpoints in one place (gRFC A94).
struct GRPCSubchannelSeries: ForgettableSeries {
    struct Labels: SeriesLabels {
        /// The cluster; `nil` for those beyond the bound.
        var cluster: String?
        var locality: Locality
        /// How the connections are protected, in gRPC's words.
        var securityLevel: String

        init(_ endpoint: Endpoint) {
            cluster = endpoint.cluster
            locality = endpoint.locality
            securityLevel = endpoint.security == .plaintext ? "none" : "privacy_and_integrity"
        }

        /// Those beyond the bound.
        private init(securityLevel: String) {
            cluster = nil
            locality = Locality()
            self.securityLevel = securityLevel
        }

        var overflow: Labels { Labels(securityLevel: securityLevel) }

        /// Without the level of security.
        var dimensions: GRPCMetricMaker.Dimensions {
            [GRPCLabel.backendService(cluster), GRPCLabel.locality(locality, of: cluster)]
        }
    }

    private final class Open: Sendable {
        let count = Atomic(0)
    }

    private let open = Open()
    private let succeeded: Counter
    let failed: Counter
    private let openConnections: Meter

    init(_ labels: Labels, _ maker: GRPCMetricMaker) {
        succeeded = maker.counter("subchannel.connection_attempts_succeeded", labels.dimensions)
        failed = maker.counter("subchannel.connection_attempts_failed", labels.dimensions)
        let level = [("grpc.security_level", labels.securityLevel)]
        openConnections = maker.gauge("subchannel.open_connections", level + labels.dimensions)
    }

    /// Whether there are no connections.
    var isIdle: Bool { open.count.load(ordering: .relaxed) <= 0 }

    func opened() {
        open.count.wrappingAdd(1, ordering: .relaxed)
        succeeded.increment()
        openConnections.increment()
    }

    func closed() {
        open.count.wrappingSubtract(1, ordering: .relaxed)
        openConnections.decrement()
    }

    func destroy() {
        succeeded.destroy()
        failed.destroy()
        openConnections.destroy()
    }
}

/// Connections of a cluster that have ended for one reason.
struct GRPCDisconnectionLabels: GRPCCounterLabels {
    var subchannel: GRPCSubchannelSeries.Labels
    /// The reason, in gRPC's words.
    var error: String

    /// - Parameter goodbye: The error code in the peer's GOAWAY, by its name.
    init(_ subchannel: GRPCSubchannelSeries.Labels, reason: ConnectionClosing, goodbye: String?) {
        self.subchannel = subchannel
        self.error = Self.error(reason, goodbye)
    }

    var overflow: Self {
        var labels = self
        labels.subchannel = subchannel.overflow
        labels.error = "other"
        return labels
    }

    var name: String { "subchannel.disconnections" }
    var dimensions: GRPCMetricMaker.Dimensions { [("grpc.disconnect_error", error)] + subchannel.dimensions }

    private static func error(_ reason: ConnectionClosing, _ goodbye: String?) -> String {
        switch reason {
        case .peerAnnounced: goodbye.map { "GOAWAY \($0)" } ?? "unknown"
        // Whoever cannot tell errors of sockets apart says so (gRFC A94).
        case .remote: "socket error"
        case .keepaliveTimeout: "connection timed out"
        case .idle, .age, .maximumRequests, .condemned, .exchangeAbandoned: "subchannel shutdown"
        case .protocolError: "unknown"
        }
    }
}
