// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
public import Tracing

/// A span of `OTLPTracer`.
///
/// After its end, and when its trace is not sampled, it takes nothing more. Attributes, events and links beyond the
/// tracer's limits are counted and left out; long text is cut.
public final class OTLPSpan: Span {
    /// What a span may hold.
    struct Limits: Sendable {
        var attributes: Int
        var events: Int
        var links: Int
        var textBytes: Int
    }

    private struct State {
        var name: String
        var attributes = SpanAttributes()
        var droppedAttributes = 0
        var events: [SpanEvent] = []
        var droppedEvents = 0
        var links: [SpanLink] = []
        var droppedLinks = 0
        var status: SpanStatus?
        var hasEnded = false
    }

    /// The context in which the span is current.
    public let context: ServiceContext
    private let trace: TraceContext
    private let parent: MeshTrace?
    private let kind: SpanKind
    private let startedAt: UInt64
    private let isSampled: Bool
    private let limits: Limits
    private let state: Mutex<State>
    private let ended: @Sendable (FinishedSpan) -> Void

    init(
        name: String,
        context: ServiceContext,
        trace: TraceContext,
        parent: MeshTrace?,
        kind: SpanKind,
        startedAt: UInt64,
        limits: Limits,
        ended: @escaping @Sendable (FinishedSpan) -> Void
    ) {
        var context = context
        context.meshTrace = MeshTrace(context: trace, isRemote: false)
        self.context = context
        self.trace = trace
        self.parent = parent
        self.kind = kind
        self.startedAt = startedAt
        self.isSampled = trace.flags & TraceContext.sampledFlag != 0
        self.limits = limits
        self.state = Mutex(State(name: name))
        self.ended = ended
    }

    /// The span's name.
    public var operationName: String {
        get { state.withLock { $0.name } }
        set { record { $0.name = newValue } }
    }

    /// The span's attributes.
    public var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set {
            let (kept, dropped) = limited(newValue)
            record {
                $0.attributes = kept
                $0.droppedAttributes += dropped
            }
        }
    }

    /// Whether the span takes anything: its trace is sampled and it has not ended.
    public var isRecording: Bool {
        isSampled && state.withLock { !$0.hasEnded }
    }

    /// Sets the status; "ok" is final (OpenTelemetry, "Set Status").
    public func setStatus(_ status: SpanStatus) {
        let status = SpanStatus(code: status.code, message: status.message.map { limited($0) })
        record { if $0.status?.code != .ok { $0.status = status } }
    }

    /// Adds an event.
    public func addEvent(_ event: SpanEvent) {
        var event = event
        event.attributes = limited(event.attributes).kept
        record { [event] in
            if $0.events.count < limits.events { $0.events.append(event) } else { $0.droppedEvents += 1 }
        }
    }

    /// Adds the event `exception` with `exception.type` and `exception.message`.
    public func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        guard isRecording else { return }
        var all = SpanAttributes([
            "exception.type": .string(String(reflecting: type(of: error))),
            "exception.message": .string("\(error)"),
        ])
        all.merge(attributes)
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: all))
    }

    /// Adds a link to another span of the mesh's tracers.
    public func addLink(_ link: SpanLink) {
        guard link.context.meshTrace != nil else { return }
        let link = SpanLink(context: link.context, attributes: limited(link.attributes).kept)
        record { if $0.links.count < limits.links { $0.links.append(link) } else { $0.droppedLinks += 1 } }
    }

    /// Ends the span and hands it to the exporter. A second call does nothing.
    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        // The wall clock may have been set back meanwhile; backends refuse spans that end before they start.
        let endedAt = max(startedAt, instant().nanosecondsSinceEpoch)
        let final = state.withLock { state -> State? in
            if state.hasEnded { return nil }
            state.hasEnded = true
            return state
        }
        guard isSampled, let final else { return }
        ended(
            FinishedSpan(
                trace: trace,
                parentSpanID: parent?.context.spanID,
                isParentRemote: parent?.isRemote ?? false,
                name: limited(final.name),
                kind: kind,
                startedAt: startedAt,
                endedAt: endedAt,
                attributes: final.attributes,
                droppedAttributes: final.droppedAttributes,
                events: final.events,
                droppedEvents: final.droppedEvents,
                links: final.links,
                droppedLinks: final.droppedLinks,
                status: final.status
            )
        )
    }

    private func record(_ change: (inout State) -> Void) {
        guard isSampled else { return }
        state.withLock { if !$0.hasEnded { change(&$0) } }
    }

    private func limited(_ attributes: SpanAttributes) -> (kept: SpanAttributes, dropped: Int) {
        var keys: [String] = []
        var isWithin = attributes.count <= limits.attributes
        attributes.forEach { key, value in
            keys.append(key)
            isWithin = isWithin && fits(value)
        }
        // Almost always; every change of an attribute comes through here.
        if isWithin { return (attributes, 0) }
        var kept = SpanAttributes()
        for key in keys.sorted().prefix(limits.attributes) {
            switch attributes.get(key) {
            case .string(let text): kept.set(key, value: .string(limited(text)))
            case .stringConvertible(let value): kept.set(key, value: .string(limited("\(value)")))
            case let other: kept.set(key, value: other)
            }
        }
        return (kept, max(0, keys.count - limits.attributes))
    }

    private func fits(_ value: SpanAttribute) -> Bool {
        switch value {
        case .string(let text): text.utf8.count <= limits.textBytes
        // Turned into text now, because what it says may change until the export.
        case .stringConvertible: false
        default: true
        }
    }

    private func limited(_ text: String) -> String {
        guard text.utf8.count > limits.textBytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limits.textBytes)
        // Not in the middle of a character's bytes.
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
