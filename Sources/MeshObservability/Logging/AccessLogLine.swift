// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One request in the order of Envoy's default access-log format:
///
///     [START_TIME] "METHOD PATH PROTOCOL" RESPONSE_CODE RESPONSE_FLAGS BYTES_RECEIVED BYTES_SENT DURATION
///     UPSTREAM_SERVICE_TIME "X-FORWARDED-FOR" "USER-AGENT" "X-REQUEST-ID" "AUTHORITY" "UPSTREAM_HOST"
///
/// Duration is in milliseconds. What a `RequestRecord` does not know is `-`, as Envoy writes it, so that tools that
/// split the line find every field in its place.
struct AccessLogLine: CustomStringConvertible {
    let description: String

    init(_ record: RequestRecord, finishedAt now: UInt64) {
        let startedAt = now > record.duration.rawValue ? now - record.duration.rawValue : 0
        let method = EscapedText(record.method)
        let path = EscapedText(record.path)
        let authority = EscapedText(record.authority.isEmpty ? "-" : record.authority)
        let flags = Self.text(of: record.flags)
        let milliseconds = record.duration.rawValue / 1_000_000
        let upstream = record.endpoint.map { "\(EscapedText($0.description))" } ?? "-"
        description =
            "[\(UTCTimestamp(nanosecondsSinceEpoch: startedAt))] \"\(method) \(path) HTTP\" \(record.status) \(flags)"
            + " - - \(milliseconds) - \"-\" \"-\" \"-\" \"\(authority)\" \"\(upstream)\""
    }

    static func text(of flags: [ResponseFlag]) -> String {
        flags.isEmpty ? "-" : flags.map(\.rawValue).joined(separator: ",")
    }
}
