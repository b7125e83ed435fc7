// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A position in a distributed trace, as the W3C recommendation "Trace Context" (level 1) carries it.
public struct TraceContext: Hashable, Sendable {
    /// The upper 64 bits of the trace's identifier.
    public var traceIDHigh: UInt64
    /// The lower 64 bits of the trace's identifier.
    public var traceIDLow: UInt64
    /// The identifier of the current span; the parent of whatever the receiver starts.
    public var spanID: UInt64
    /// The trace flags; bit 0 says that the trace is sampled.
    public var flags: UInt8
    /// The vendor list of the `tracestate` header, passed on as it came.
    public var state: String?

    /// No trace.
    public static let none = TraceContext(traceIDHigh: 0, traceIDLow: 0, spanID: 0, flags: 0)

    /// The flag that says that the trace is sampled.
    public static let sampledFlag: UInt8 = 0x01

    /// Creates a trace context.
    public init(traceIDHigh: UInt64, traceIDLow: UInt64, spanID: UInt64, flags: UInt8, state: String? = nil) {
        self.traceIDHigh = traceIDHigh
        self.traceIDLow = traceIDLow
        self.spanID = spanID
        self.flags = flags
        self.state = state
    }

    /// Whether trace and span are set; identifiers of zero are not valid.
    public var isValid: Bool {
        (traceIDHigh | traceIDLow) != 0 && spanID != 0
    }

    /// Starts a new sampled trace.
    public static func root(random: MeshRandom) -> TraceContext {
        TraceContext(
            traceIDHigh: random.next(),
            traceIDLow: random.next() | 1,
            spanID: random.next() | 1,
            flags: sampledFlag
        )
    }

    /// Goes on to a new span of the same trace, or of a new one if this is none.
    public mutating func beginChild(random: MeshRandom) {
        guard isValid else {
            self = .root(random: random)
            return
        }
        spanID = random.next() | 1
    }

    /// A new span of the same trace, or of a new one if this is none.
    public func child(random: MeshRandom) -> TraceContext {
        var child = self
        child.beginChild(random: random)
        return child
    }
}
