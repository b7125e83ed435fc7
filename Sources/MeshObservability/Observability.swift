// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Logging
public import MeshCore
public import Tracing

/// The usual set of observers in one value: metrics, traces, access log and the log of the mesh's events.
///
///     let observability = try Observability(
///         serviceName: "reviews",
///         logger: logger,
///         spanExporter: FileSpanExporter(path: "/var/log/reviews.spans.jsonl")
///     )
///
/// Hand `observers` to the mesh and run `run` beside it: it takes spans to their exporter.
public struct Observability: Sendable {
    /// The observers, for the mesh.
    public let observers: ObserverSet
    /// The tracer that is used; bootstrap `InstrumentationSystem` with it to have an application's own spans in the
    /// same traces.
    public let tracer: any Tracer
    /// The tracer of the mesh, if its exporter was given.
    public let otlpTracer: OTLPTracer?

    /// Creates the set.
    ///
    /// The tracer is, in this order: the one that is given; one that exports through `spanExporter`; the one that
    /// the process has bootstrapped.
    /// - Parameters:
    ///   - serviceName: The service that this process is an instance of: `service.name` of its spans, workload and
    ///     service of its metrics unless `metrics` says otherwise.
    ///   - logger: Where access log and events go.
    ///   - accessLogLevel: The level of the access log; `nil` leaves it out. Default `info`.
    ///   - metrics: What the metrics say about this process; `nil` takes the service's name and the factory that the
    ///     process has bootstrapped.
    ///   - tracer: The tracer to use.
    ///   - spanExporter: Where spans go when no tracer is given.
    ///   - clock: Paces the exports.
    public init(
        serviceName: String,
        logger: Logger,
        accessLogLevel: Logger.Level? = .info,
        metrics: MetricsObserver.Configuration? = nil,
        tracer: (any Tracer)? = nil,
        spanExporter: (any SpanExporter)? = nil,
        clock: any MeshClock = SystemClock()
    ) {
        let otlp: OTLPTracer? =
            if tracer == nil, let spanExporter {
                OTLPTracer(
                    configuration: OTLPTracer.Configuration(serviceName: serviceName),
                    output: spanExporter,
                    clock: clock
                )
            } else {
                nil
            }
        self.otlpTracer = otlp
        self.tracer = tracer ?? otlp ?? InstrumentationSystem.tracer
        let metrics = metrics ?? MetricsObserver.Configuration(workload: serviceName, service: serviceName)
        // Tracing comes first: it sets the trace that the access log names.
        var observers: [any Observer] = [TracingObserver(tracer: self.tracer), MetricsObserver(metrics)]
        if let accessLogLevel { observers.append(AccessLogObserver(logger: logger, level: accessLogLevel)) }
        observers.append(MeshEventLogObserver(logger: logger))
        self.observers = ObserverSet(observers)
    }

    /// Exports spans until the task is cancelled; without an exporter it just waits for that.
    public func run() async {
        if let otlpTracer { return await otlpTracer.run() }
        let (never, _) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
    }
}
