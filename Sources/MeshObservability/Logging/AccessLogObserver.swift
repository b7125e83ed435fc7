// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Logging
public import MeshCore
import Tracing

/// Writes one line a request to swift-log when the request has ended.
///
/// The message has the order of Envoy's default format:
///
///     [2025-11-21T03:01:07.042Z] "GET /reviews/7 HTTP" 200 - - - 12 - "-" "-" "-" "reviews:9080" "127.0.0.1:4011"
///
/// Fields that the mesh does not know are `-`. The metadata holds the rest: `direction`, `trace_id`, `route`,
/// `cluster`, `upstream_host`, `attempts`, `flags`, `peer` (the identity that an inbound peer proved) and `error`.
/// Text from outside is escaped (control characters, quotes, invisible characters) and cut after 2048 bytes a field.
public struct AccessLogObserver: Observer {
    private let logger: Logger
    private let level: Logger.Level
    private let failureLevel: Logger.Level
    private let wallClock: @Sendable () -> UInt64

    /// Creates an observer.
    /// - Parameters:
    ///   - logger: Where the lines go.
    ///   - level: The level of the lines. Default `info`.
    ///   - failureLevel: The level of the lines of requests that failed or were answered with 5xx. Default: `level`.
    public init(logger: Logger, level: Logger.Level = .info, failureLevel: Logger.Level? = nil) {
        self.init(logger: logger, level: level, failureLevel: failureLevel) {
            DefaultTracerClock.now.nanosecondsSinceEpoch
        }
    }

    /// Creates an observer that reads the wall clock (nanoseconds since 1970) through `wallClock`.
    init(
        logger: Logger,
        level: Logger.Level = .info,
        failureLevel: Logger.Level? = nil,
        wallClock: @escaping @Sendable () -> UInt64
    ) {
        self.logger = logger
        self.level = level
        self.failureLevel = failureLevel ?? level
        self.wallClock = wallClock
    }

    /// Writes the request's line.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {
        let level = record.error != nil || record.status >= 500 ? failureLevel : level
        // The line costs microseconds: it is not built for a logger that would throw it away.
        guard logger.logLevel <= level else { return }
        let line = AccessLogLine(record, finishedAt: wallClock())
        logger.log(level: level, "\(line)", metadata: Self.metadata(of: record, context: context))
    }

    private static func metadata(of record: RequestRecord, context: CallContext) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "direction": .string(record.direction.rawValue),
            "attempts": .stringConvertible(record.attempts),
            "flags": .string(AccessLogLine.text(of: record.flags)),
        ]
        if context.trace.isValid { metadata["trace_id"] = .string(context.trace.traceIDText) }
        if let route = record.route { metadata["route"] = .string(EscapedText(route).description) }
        if let cluster = record.cluster { metadata["cluster"] = .string(EscapedText(cluster).description) }
        if let endpoint = record.endpoint {
            metadata["upstream_host"] = .string(EscapedText(endpoint.description).description)
        }
        if let peer = record.peerIdentity { metadata["peer"] = .string(EscapedText(peer).description) }
        // The text of an error may quote what the peer sent.
        if let error = record.error { metadata["error"] = .string(EscapedText("\(error)").description) }
        return metadata
    }
}
