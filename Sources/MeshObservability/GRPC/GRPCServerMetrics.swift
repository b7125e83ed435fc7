// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import Metrics

/// Counts RPCs that a server got, by gRPC's own names (gRFC A66), beside what `MetricsObserver` counts for Istio's and
/// Envoy's dashboards.
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `grpc.server.call.started` | counter | `grpc.method` |
/// | `grpc.server.call.duration` | histogram, seconds | `grpc.method`, `grpc.status` |
/// | `grpc.server.call.sent_total_compressed_message_size` | histogram, bytes | `grpc.method`, `grpc.status` |
/// | `grpc.server.call.rcvd_total_compressed_message_size` | histogram, bytes | `grpc.method`, `grpc.status` |
///
/// Sizes are those of the messages as they are on the wire, compressed or not, without their prefixes. Methods are the caller's to name: with
/// `Configuration.methods` all others are `other`, as gRPC's servers have it for those that they do not know.
public struct GRPCServerMetrics: Observer {
    /// What is counted.
    public struct Configuration: Sendable {
        /// Makes the metrics. Default: the factory that the process has bootstrapped.
        public var factory: any MetricsFactory
        /// The methods that are told by their names, as `package.Service/Method`; `nil`, the default, for all, as far as
        /// `maximumSeries` goes.
        public var methods: Set<String>?
        /// The most sets of labels; those beyond share one whose labels are `other`. Default 1000, as `MetricsObserver`.
        public var maximumSeries: Int

        /// Creates a configuration.
        public init(
            factory: any MetricsFactory = MetricsSystem.factory,
            methods: Set<String>? = nil,
            maximumSeries: Int = 1000
        ) {
            self.factory = factory
            self.methods = methods
            self.maximumSeries = maximumSeries
        }
    }

    private let methods: Set<String>?
    private let started: SeriesCache<StartedLabels, Counter>
    private let ended: SeriesCache<EndedLabels, GRPCServerSeries>

    /// Creates an observer.
    public init(_ configuration: Configuration = Configuration()) {
        let factory = configuration.factory
        self.methods = configuration.methods
        self.started = SeriesCache(limit: configuration.maximumSeries) { labels in
            Counter(
                label: "grpc.server.call.started",
                dimensions: [("grpc.method", labels.method)],
                factory: factory
            )
        }
        self.ended = SeriesCache(limit: configuration.maximumSeries) { GRPCServerSeries($0, factory) }
    }

    /// Counts an RPC that comes in.
    public func requestStarted<Request: RequestHead>(
        _ request: Request,
        direction: TrafficDirection,
        context: inout CallContext
    ) {
        guard direction == .inbound, context.isRPC else { return }
        started[StartedLabels(method: method(of: request.path))].increment()
    }

    /// Records how an RPC that came in has ended.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {
        guard record.direction == .inbound, let status = record.rpcStatus else { return }
        let series = ended[EndedLabels(method: method(of: record.path), status: status)]
        series.duration.record(record.duration.seconds)
        series.sent.record(Double(record.responseMessageBytes))
        series.received.record(Double(record.requestMessageBytes))
    }

    private func method(of path: String) -> String {
        let name = String(path.dropFirst())
        guard let methods else { return name }
        return methods.contains(name) ? name : "other"
    }
}

/// What distinguishes one RPC from another before it has ended.
private struct StartedLabels: SeriesLabels {
    var method: String

    var overflow: StartedLabels { StartedLabels(method: "other") }
}

/// What distinguishes one RPC from another that has ended.
private struct EndedLabels: SeriesLabels {
    var method: String
    var status: Int

    var overflow: EndedLabels { EndedLabels(method: "other", status: 2) }
}

/// The metrics of RPCs of one method and status.
private struct GRPCServerSeries: Sendable {
    let duration: Recorder
    let sent: Recorder
    let received: Recorder

    init(_ labels: EndedLabels, _ factory: any MetricsFactory) {
        let dimensions = [("grpc.method", labels.method), ("grpc.status", Self.name(ofStatus: labels.status))]
        func recorder(_ name: String) -> Recorder {
            Recorder(label: "grpc.server.call.\(name)", dimensions: dimensions, aggregate: true, factory: factory)
        }
        duration = recorder("duration")
        sent = recorder("sent_total_compressed_message_size")
        received = recorder("rcvd_total_compressed_message_size")
    }

    private static let names = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    private static func name(ofStatus status: Int) -> String {
        names.indices.contains(status) ? names[status] : "UNKNOWN"
    }
}
