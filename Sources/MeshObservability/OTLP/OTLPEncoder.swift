// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Tracing

/// Encodes spans as OTLP's `ExportTraceServiceRequest` in JSON.
///
/// OTLP's rules on top of protobuf's JSON mapping: identifiers are hexadecimal and not base 64, enums are numbers,
/// 64-bit integers are strings. Empty fields are left out. Attributes are sorted, so that equal spans give equal bytes.
struct OTLPEncoder: Sendable {
    /// `SpanFlags.CONTEXT_HAS_IS_REMOTE_MASK`: the next bit is meant.
    private static let knowsIsRemote: UInt32 = 0x100
    /// `SpanFlags.CONTEXT_IS_REMOTE_MASK`: the parent lives in another process.
    private static let isRemote: UInt32 = 0x200

    private let resource: [(key: String, value: String)]

    init(serviceName: String, resource: [String: String]) {
        let all = resource.merging(["service.name": serviceName]) { _, name in name }
        self.resource = all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func encode(_ spans: [FinishedSpan]) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.key("resourceSpans")
            json.array(CollectionOfOne(())) { json, _ in
                json.object { json in
                    json.key("resource")
                    json.object { json in
                        json.key("attributes")
                        json.array(resource) { json, entry in
                            Self.attribute(entry.key, .string(entry.value), in: &json)
                        }
                    }
                    json.key("scopeSpans")
                    json.array(CollectionOfOne(())) { json, _ in scope(spans, in: &json) }
                }
            }
        }
        return json.bytes
    }

    private func scope(_ spans: [FinishedSpan], in json: inout JSONWriter) {
        json.object { json in
            json.key("scope")
            json.object { json in
                json.key("name")
                json.string("swift-service-mesh")
            }
            json.key("spans")
            json.array(spans) { json, span in json.object { Self.span(span, in: &$0) } }
        }
    }

    private static func span(_ span: FinishedSpan, in json: inout JSONWriter) {
        member("traceId", span.trace.traceIDText, in: &json)
        member("spanId", span.trace.spanIDText, in: &json)
        if let state = span.trace.state, !state.isEmpty { member("traceState", state, in: &json) }
        if let parent = span.parentSpanID {
            var context = span.trace
            context.spanID = parent
            member("parentSpanId", context.spanIDText, in: &json)
        }
        json.key("flags")
        json.integer(UInt32(span.trace.flags) | knowsIsRemote | (span.isParentRemote ? isRemote : 0))
        member("name", span.name, in: &json)
        json.key("kind")
        json.integer(number(of: span.kind))
        member("startTimeUnixNano", String(span.startedAt), in: &json)
        member("endTimeUnixNano", String(span.endedAt), in: &json)
        attributes(span.attributes, in: &json)
        count("droppedAttributesCount", span.droppedAttributes, in: &json)
        if !span.events.isEmpty {
            json.key("events")
            json.array(span.events) { json, event in json.object { Self.event(event, in: &$0) } }
        }
        count("droppedEventsCount", span.droppedEvents, in: &json)
        if !span.links.isEmpty {
            json.key("links")
            json.array(span.links) { json, link in json.object { Self.link(link, in: &$0) } }
        }
        count("droppedLinksCount", span.droppedLinks, in: &json)
        if let status = span.status {
            json.key("status")
            json.object { json in
                if let message = status.message, !message.isEmpty { member("message", message, in: &json) }
                json.key("code")
                json.integer(status.code == .ok ? 1 : 2)
            }
        }
    }

    private static func event(_ event: SpanEvent, in json: inout JSONWriter) {
        member("timeUnixNano", String(event.nanosecondsSinceEpoch), in: &json)
        member("name", event.name, in: &json)
        attributes(event.attributes, in: &json)
    }

    private static func link(_ link: SpanLink, in json: inout JSONWriter) {
        guard let trace = link.context.meshTrace?.context else { return }
        member("traceId", trace.traceIDText, in: &json)
        member("spanId", trace.spanIDText, in: &json)
        attributes(link.attributes, in: &json)
    }

    private static func attributes(_ attributes: SpanAttributes, in json: inout JSONWriter) {
        guard !attributes.isEmpty else { return }
        var members: [(key: String, value: SpanAttribute)] = []
        attributes.forEach { members.append(($0, $1)) }
        members.sort { $0.key < $1.key }
        json.key("attributes")
        json.array(members) { json, member in attribute(member.key, member.value, in: &json) }
    }

    private static func attribute(_ key: String, _ value: SpanAttribute, in json: inout JSONWriter) {
        json.object { json in
            member("key", key, in: &json)
            json.key("value")
            json.object { json in Self.value(value, in: &json) }
        }
    }

    private static func value(_ value: SpanAttribute, in json: inout JSONWriter) {
        switch value {
        case .string(let text): member("stringValue", text, in: &json)
        case .stringConvertible(let text): member("stringValue", "\(text)", in: &json)
        case .bool(let value):
            json.key("boolValue")
            json.bool(value)
        case .int32(let number): member("intValue", String(number), in: &json)
        case .int64(let number): member("intValue", String(number), in: &json)
        case .double(let number):
            json.key("doubleValue")
            json.double(number)
        case .stringArray(let values): array(values.map { .string($0) }, in: &json)
        case .stringConvertibleArray(let values): array(values.map { .string("\($0)") }, in: &json)
        case .boolArray(let values): array(values.map { .bool($0) }, in: &json)
        case .int32Array(let values): array(values.map { .int32($0) }, in: &json)
        case .int64Array(let values): array(values.map { .int64($0) }, in: &json)
        case .doubleArray(let values): array(values.map { .double($0) }, in: &json)
        // The library's enum asks not to be switched over exhaustively: what it may add is text at least.
        default: member("stringValue", "\(value)", in: &json)
        }
    }

    private static func array(_ values: [SpanAttribute], in json: inout JSONWriter) {
        json.key("arrayValue")
        json.object { json in
            json.key("values")
            json.array(values) { json, value in json.object { Self.value(value, in: &$0) } }
        }
    }

    private static func member(_ key: String, _ value: String, in json: inout JSONWriter) {
        json.key(key)
        json.string(value)
    }

    private static func count(_ key: String, _ number: Int, in json: inout JSONWriter) {
        guard number > 0 else { return }
        json.key(key)
        json.integer(number)
    }

    private static func number(of kind: SpanKind) -> Int {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}
