// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import Metrics

/// Counts the gRPC calls that this process makes through swift-metrics, under the names of gRFC A66 and A96.
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `grpc.client.attempt.started` | counter | `grpc.method`, `grpc.target`, `grpc.lb.backend_service` |
/// | `grpc.client.attempt.duration` | histogram, seconds | and `grpc.status`, `grpc.lb.locality` |
/// | `grpc.client.attempt.sent_total_compressed_message_size`, `…rcvd_…` | histograms, bytes | the same |
/// | `grpc.client.call.duration` | histogram, seconds | `grpc.method`, `grpc.target`, `grpc.status` |
/// | `grpc.client.call.retries` | histogram of the attempts beyond the first, where there were any | the same |
///
/// `grpc.target` is the calls' authority; `grpc.lb.locality` (gRFC A78) is empty where no endpoint was picked, or none is
/// known of it. What is no call's is `GRPCChannelMetrics`'s. The sizes are told of the attempt whose response the caller got. Other
/// requests are not counted: those are `MetricsObserver`'s. At most `maximumSeries` sets of labels exist; those beyond
/// share one whose labels are `other`.
public struct RPCMetricsObserver: Observer {
    private let series: SeriesCache<RPCSeries.Labels, RPCSeries>

    /// Creates an observer.
    /// - Parameters:
    ///   - factory: Makes the metrics. Default: the factory that the process has bootstrapped.
    ///   - maximumSeries: The most sets of labels. Default 1000, as in `MetricsObserver`.
    public init(factory: any MetricsFactory = MetricsSystem.factory, maximumSeries: Int = 1000) {
        self.series = SeriesCache(limit: maximumSeries) { RPCSeries($0, factory: factory) }
    }

    /// Counts an attempt that begins.
    public func attemptStarted(_ context: inout CallContext, cluster: String) {
        guard context.isRPC, let labels = labels(.attemptsStarted, context, status: 0, cluster: cluster) else { return }
        series[labels].started?.increment()
    }

    /// Measures an attempt.
    public func attemptFinished(_ record: AttemptRecord, context: CallContext) {
        guard context.isRPC else { return }
        let status = context.rpcStatus(endedBy: record.error)
        guard let labels = labels(.attempts, context, status: status, cluster: record.cluster) else { return }
        let series = series[labels]
        series.duration?.record(Double(record.duration.rawValue) / 1e9)
        guard context.sentMessageBytes > 0 || context.receivedMessageBytes > 0 else { return }
        series.sentBytes?.record(Double(context.sentMessageBytes))
        series.receivedBytes?.record(Double(context.receivedMessageBytes))
    }

    /// Measures a call.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {
        guard context.isRPC, record.direction == .outbound else { return }
        let status = context.rpcStatus(endedBy: record.error)
        guard let labels = labels(.calls, context, status: status, cluster: "") else { return }
        let series = series[labels]
        series.duration?.record(Double(record.duration.rawValue) / 1e9)
        if record.attempts > 1 { series.retries?.record(Double(record.attempts - 1)) }
    }

    private func labels(
        _ kind: RPCSeries.Labels.Kind,
        _ context: borrowing CallContext,
        status: Int,
        cluster: String
    ) -> RPCSeries.Labels? {
        guard let line = context.requestLine else { return nil }
        let path = line.path
        let method = path.utf8.first == UInt8(ascii: "/") ? String(path.dropFirst()) : path
        return RPCSeries.Labels(
            kind: kind,
            method: method,
            target: line.authority,
            status: status,
            cluster: cluster,
            locality: kind == .attempts ? context.endpoint?.locality : nil
        )
    }
}
