// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization
public import Tracing

/// A tracer for those who have none: it exports spans in OpenTelemetry's protocol, as JSON, and speaks W3C Trace
/// Context.
///
/// Spans that end go to a bounded queue; `run` takes them from it in batches, every interval and at its end, to a
/// `SpanExporter`. What does not fit is dropped and counted in `statistics`: tracing never slows the traffic down.
/// An application that wants its own spans in the same trace bootstraps `InstrumentationSystem` with the tracer.
public struct OTLPTracer: Tracer {
    /// How spans are named, sampled, bounded and exported. A bound outside of its range is taken as the nearest in it.
    public struct Configuration: Sendable {
        /// The attribute `service.name` of the resource.
        public var serviceName: String
        /// Further attributes of the resource (`service.version`, `service.instance.id`).
        public var resource: [String: String]
        /// The part of new traces that is sampled, 0 to 1. Traces that come from outside keep their caller's decision.
        ///
        /// Default 1: Envoy's and OpenTelemetry's.
        public var samplingRatio: Double
        /// The most spans that wait for their export, at least 1. Default 2048: OpenTelemetry's `OTEL_BSP_MAX_QUEUE_SIZE`.
        public var maximumQueueSize: Int
        /// The most spans of one export, 1 to `maximumQueueSize`.
        ///
        /// Default 512: OpenTelemetry's `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`.
        public var maximumBatchSize: Int
        /// The longest time that a span waits, at least 10 ms. Default 5 s: OpenTelemetry's `OTEL_BSP_SCHEDULE_DELAY`.
        public var interval: Nanoseconds
        /// The most attributes, events and links of a span, each.
        ///
        /// Default 128: OpenTelemetry's `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT` and its siblings.
        public var maximumItemsPerSpan: Int
        /// The longest text of an attribute, in bytes. Default 4096; OpenTelemetry has no limit, but what a peer sends
        /// ends up here.
        public var maximumTextLength: Int

        /// Creates a configuration.
        public init(
            serviceName: String,
            resource: [String: String] = [:],
            samplingRatio: Double = 1,
            maximumQueueSize: Int = 2048,
            maximumBatchSize: Int = 512,
            interval: Nanoseconds = .seconds(5),
            maximumItemsPerSpan: Int = 128,
            maximumTextLength: Int = 4096
        ) {
            self.serviceName = serviceName
            self.resource = resource
            self.samplingRatio = samplingRatio
            self.maximumQueueSize = maximumQueueSize
            self.maximumBatchSize = maximumBatchSize
            self.interval = interval
            self.maximumItemsPerSpan = maximumItemsPerSpan
            self.maximumTextLength = maximumTextLength
        }

        /// The same with every bound in its range.
        var clamped: Configuration {
            var clamped = self
            clamped.maximumQueueSize = max(1, maximumQueueSize)
            clamped.maximumBatchSize = min(max(1, maximumBatchSize), clamped.maximumQueueSize)
            clamped.interval = max(.milliseconds(10), interval)
            clamped.maximumItemsPerSpan = max(0, maximumItemsPerSpan)
            clamped.maximumTextLength = max(0, maximumTextLength)
            return clamped
        }
    }

    private let configuration: Configuration
    private let pipeline: SpanPipeline
    private let clock: any MeshClock
    private let random: MeshRandom

    /// Creates a tracer; it exports nothing until `run` runs.
    /// - Parameters:
    ///   - configuration: Names, sampling and bounds.
    ///   - output: Where the spans go.
    ///   - clock: Paces the exports.
    ///   - random: Makes identifiers and sampling decisions.
    public init(
        configuration: Configuration,
        output: any SpanExporter,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) {
        let configuration = configuration.clamped
        self.configuration = configuration
        self.clock = clock
        self.random = random
        self.pipeline = SpanPipeline(configuration: configuration, output: output)
    }

    /// What became of the spans until now.
    public var statistics: OTLPStatistics { pipeline.statistics }

    /// Exports spans until the task is cancelled, then what is left.
    public func run() async {
        await pipeline.run(clock: clock, interval: configuration.interval)
    }

    /// Exports all spans that have ended until now and returns when that is done.
    public func flush() async {
        await pipeline.exportAll()
    }

    /// Asks `run` to export at once; does not wait. Use `flush` to wait.
    public func forceFlush() {
        pipeline.wake()
    }

    /// Starts a span: in the trace of its context, or in a new one.
    public func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> OTLPSpan {
        let context = context()
        let parent = context.meshTrace
        let trace = parent?.context.child(random: random) ?? newTrace()
        return OTLPSpan(
            name: operationName,
            context: context,
            trace: trace,
            parent: parent,
            kind: kind,
            startedAt: instant().nanosecondsSinceEpoch,
            limits: OTLPSpan.Limits(
                attributes: configuration.maximumItemsPerSpan,
                events: configuration.maximumItemsPerSpan,
                links: configuration.maximumItemsPerSpan,
                textBytes: configuration.maximumTextLength
            ),
            ended: pipeline.offer
        )
    }

    /// Puts `traceparent` and `tracestate` into a carrier.
    public func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let trace = context.meshTrace?.context else { return }
        injector.inject(trace.traceparent, forKey: "traceparent", into: &carrier)
        if let state = trace.state { injector.inject(state, forKey: "tracestate", into: &carrier) }
    }

    /// Takes `traceparent` and `tracestate` from a carrier; an invalid `traceparent` starts a new trace.
    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: "traceparent", from: carrier) else { return }
        let state = extractor.extract(key: "tracestate", from: carrier)
        guard let trace = TraceContext(traceparent: parent, state: state) else { return }
        context.meshTrace = MeshTrace(context: trace, isRemote: true)
    }

    private func newTrace() -> TraceContext {
        var trace = TraceContext.root(random: random)
        if configuration.samplingRatio < 1, random.unitInterval() >= configuration.samplingRatio {
            trace.flags &= ~TraceContext.sampledFlag
        }
        return trace
    }
}
