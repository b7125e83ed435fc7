// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Tracing

/// The two fields of W3C Trace Context, as a carrier that a tracer injects into and extracts from.
///
/// The wire takes what is in `CallContext.trace`; this is how a tracer's own idea of it gets there. Other formats that
/// a tracer may inject (B3, say) are not taken.
struct TraceCarrier: Sendable {
    var traceparent: String?
    var tracestate: String?

    init() {}

    init(_ trace: TraceContext) {
        traceparent = trace.traceparent
        tracestate = trace.state
    }

    /// What was injected, if it is valid.
    var trace: TraceContext? {
        traceparent.flatMap { TraceContext(traceparent: $0, state: tracestate) }
    }

    struct Access: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout TraceCarrier) {
            switch key.lowercased() {
            case "traceparent": carrier.traceparent = value
            case "tracestate": carrier.tracestate = value
            default: break
            }
        }

        func extract(key: String, from carrier: TraceCarrier) -> String? {
            switch key.lowercased() {
            case "traceparent": carrier.traceparent
            case "tracestate": carrier.tracestate
            default: nil
            }
        }
    }
}

/// The header fields of a request, as a carrier that a tracer extracts from, whatever its format.
struct RequestExtractor<Request: RequestHead>: Extractor {
    func extract(key: String, from request: Request) -> String? {
        request.value(of: HeaderName(key))
    }
}
