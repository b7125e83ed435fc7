// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Tracing

/// A span that has ended, as it waits for its export.
struct FinishedSpan: Sendable {
    var trace: TraceContext
    var parentSpanID: UInt64?
    var isParentRemote: Bool
    var name: String
    var kind: SpanKind
    var startedAt: UInt64
    var endedAt: UInt64
    var attributes: SpanAttributes
    var droppedAttributes: Int
    var events: [SpanEvent]
    var droppedEvents: Int
    var links: [SpanLink]
    var droppedLinks: Int
    var status: SpanStatus?
}
