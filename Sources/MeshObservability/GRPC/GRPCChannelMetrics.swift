// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import Metrics

/// Counts what is no call's: connections, weights, ejections and what control planes send, by gRPC's own names (gRFC A78,
/// A88, A89, A91, A94), beside what `RPCMetricsObserver` counts of calls.
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `grpc.subchannel.connection_attempts_succeeded`, `…_failed` | counters | `grpc.lb.backend_service`, `grpc.lb.locality` |
/// | `grpc.subchannel.disconnections` | counter | and `grpc.disconnect_error` |
/// | `grpc.subchannel.open_connections` | gauge | and `grpc.security_level` |
/// | `grpc.lb.pick_first.connection_attempts_succeeded`, `…_failed`, `.disconnections` | counters | none |
/// | `grpc.lb.wrr.rr_fallback` | counter of updates | `grpc.lb.backend_service`, `grpc.lb.locality` |
/// | `grpc.lb.wrr.endpoint_weight_not_yet_usable`, `…_stale` | counters of endpoints | the same |
/// | `grpc.lb.wrr.endpoint_weights` | histogram | the same |
/// | `grpc.lb.outlier_detection.ejections_enforced` | counter | `grpc.lb.backend_service`, `…detection_method` |
/// | `grpc.lb.outlier_detection.ejections_unenforced` | counter | and `…unenforced_reason` |
/// | `grpc.xds_client.connected` | gauge, 0 or 1 | `grpc.xds.server` |
/// | `grpc.xds_client.server_failure` | counter | `grpc.xds.server` |
/// | `grpc.xds_client.resource_updates_valid`, `…_invalid` | counters of resources | and `grpc.xds.resource_type` |
/// | `grpc.xds_client.resources` | gauge | `grpc.xds.authority`, `grpc.xds.cache_state`, `grpc.xds.resource_type` |
///
/// Each has `grpc.target`, too: one name for a mesh, whose channels share its connections, balancers and xDS client. An
/// observer is for one mesh: where a process has several, as clients that each have one of their own, each mesh gets an
/// observer with another `target`, or they would set each other's gauges. `grpc.lb.pick_first.…` are the names that `grpc.subchannel.…` had before gRFC A94, told as
/// long as gRPC tells both. Rules of outlier detection that gRPC has not have Envoy's names (`consecutive_5xx`).
/// Connections are those of all endpoints that the mesh's own transport reaches, whatever they are used for.
///
/// gRPC leaves these off unless they are asked for, and so does the mesh: add the observer where they are wanted. At most
/// `maximumSeries` sets of labels of each group exist; those beyond share one whose labels are `other`. What was counted
/// of a cluster is let go of with it.
public struct GRPCChannelMetrics: Observer {
    /// What is counted, and of whom.
    public struct Configuration: Sendable {
        /// Makes the metrics. Default: the factory that the process has bootstrapped.
        public var factory: any MetricsFactory
        /// The label `grpc.target`, another one for each mesh of the process. Default `#mesh`; gRPC has `#server` for servers (gRFC A78).
        public var target: String
        /// The most sets of labels in each group. Default 1000, as in `MetricsObserver`.
        public var maximumSeries: Int

        /// Creates a configuration.
        public init(
            factory: any MetricsFactory = MetricsSystem.factory,
            target: String = "#mesh",
            maximumSeries: Int = 1000
        ) {
            self.factory = factory
            self.target = target
            self.maximumSeries = maximumSeries
        }
    }

    private let channel: GRPCChannelSeries
    private let subchannels: SeriesCache<GRPCSubchannelSeries.Labels, GRPCSubchannelSeries>
    private let disconnections: SeriesCache<GRPCDisconnectionLabels, GRPCCounter>
    private let weights: SeriesCache<GRPCWeightSeries.Labels, GRPCWeightSeries>
    private let ejections: SeriesCache<GRPCEjectionLabels, GRPCCounter>
    private let controlPlanes: SeriesCache<GRPCControlPlaneSeries.Labels, GRPCControlPlaneSeries>
    private let updates: SeriesCache<GRPCUpdateSeries.Labels, GRPCUpdateSeries>
    private let resources: SeriesCache<GRPCResourceSeries.Labels, GRPCResourceSeries>
    private let gone = GoneClusters()

    /// Creates an observer.
    public init(_ configuration: Configuration = Configuration()) {
        let maker = GRPCMetricMaker(factory: configuration.factory, target: configuration.target)
        let limit = configuration.maximumSeries
        channel = GRPCChannelSeries(maker)
        subchannels = SeriesCache(limit: limit) { GRPCSubchannelSeries($0, maker) }
        disconnections = SeriesCache(limit: limit) { GRPCCounter($0, maker) }
        weights = SeriesCache(limit: limit) { GRPCWeightSeries($0, maker) }
        ejections = SeriesCache(limit: limit) { GRPCCounter($0, maker) }
        controlPlanes = SeriesCache(limit: limit) { GRPCControlPlaneSeries($0, maker) }
        updates = SeriesCache(limit: limit) { GRPCUpdateSeries($0, maker) }
        resources = SeriesCache(limit: limit) { GRPCResourceSeries($0, maker) }
    }

    /// Counts what happened to a connection.
    public func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint) {
        switch event {
        case .ready:
            channel.connected.increment()
            subchannels[GRPCSubchannelSeries.Labels(endpoint)].opened()
        case .connectFailed:
            channel.failed.increment()
            let labels = GRPCSubchannelSeries.Labels(endpoint)
            subchannels[labels].failed.increment()
            letGo(of: labels)
        case .closed(_, let reason, _, _, let goodbye):
            channel.disconnected.increment()
            let labels = GRPCSubchannelSeries.Labels(endpoint)
            subchannels[labels].closed()
            disconnections[GRPCDisconnectionLabels(labels, reason: reason, goodbye: goodbye)].counter.increment()
            letGo(of: labels)
        case .dialing, .connected, .draining, .requestPending, .requestNotPending, .pendingOverflow,
            .connectionOverflow, .streamResetReceived, .streamResetSent:
            break
        }
    }

    /// Counts an event.
    public func noticed(_ event: MeshEvent) {
        switch event {
        case .weightsUpdated(let update): weights[GRPCWeightSeries.Labels(update)].record(update)
        case .endpointEjected(let cluster, _, _, let rule, _):
            ejections[GRPCEjectionLabels(cluster: cluster, method: rule, obstacle: nil)].counter.increment()
        case .ejectionWithheld(let cluster, _, let rule, _, let obstacle):
            ejections[GRPCEjectionLabels(cluster: cluster, method: rule, obstacle: obstacle)].counter.increment()
        case .controlPlane(let server, let event): noticed(event, server)
        case .resourcesCounted(_, let counts):
            for count in counts { resources[GRPCResourceSeries.Labels(count)].count.set(Double(count.count)) }
        case .clustersChanged(let added, let removed):
            forget(gone.changed(added: added, removed: removed) { [subchannels] in subchannels.contains(cluster: $0) })
        default: break
        }
    }

    private func noticed(_ event: ControlPlaneEvent, _ server: String) {
        let labels = GRPCControlPlaneSeries.Labels(server: server)
        switch event {
        case .connected: controlPlanes[labels].connected.set(1)
        case .failed:
            controlPlanes[labels].connected.set(0)
            controlPlanes[labels].failures.increment()
        case .released: controlPlanes.forget { $0 == labels }
        case .received(let type, let valid, let invalid):
            updates[GRPCUpdateSeries.Labels(server: server, type: type)].record(valid: valid, invalid: invalid)
        }
    }

    /// The last connection of a cluster without a future has ended: nothing is left to be counted of it.
    private func letGo(of labels: GRPCSubchannelSeries.Labels) {
        guard let cluster = labels.cluster, subchannels[labels].isIdle, gone.ended(cluster) else { return }
        forget([cluster])
    }

    private func forget(_ clusters: Set<String>) {
        let forgotten = clusters.filter { !subchannels.contains(openConnectionsOf: $0) }
        guard !forgotten.isEmpty else { return }
        @Sendable func isGone(_ cluster: String?) -> Bool { cluster.map(forgotten.contains) ?? false }
        subchannels.forget { isGone($0.cluster) }
        disconnections.forget { isGone($0.subchannel.cluster) }
        weights.forget { isGone($0.cluster) }
        ejections.forget { isGone($0.cluster) }
    }
}

extension SeriesCache<GRPCSubchannelSeries.Labels, GRPCSubchannelSeries> {
    /// Whether anything was counted of a cluster's connections.
    fileprivate func contains(cluster: String) -> Bool { contains { labels, _ in labels.cluster == cluster } }

    /// Whether a cluster has connections, whose end is to be counted.
    fileprivate func contains(openConnectionsOf cluster: String) -> Bool {
        contains { labels, series in labels.cluster == cluster && !series.isIdle }
    }
}
