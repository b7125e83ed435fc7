// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Tracing

/// OpenTelemetry's attributes of HTTP spans (semantic conventions for HTTP, stable since 1.23), with Envoy's names
/// for what they do not cover.
enum HTTPSpanAttributes {
    /// The methods that may stand in a span's name and in `http.request.method`; others become `_OTHER`, so that a
    /// peer cannot invent span names.
    private static let knownMethods: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ]

    /// Query parameters that sign a request; their values must not reach a backend.
    private static let signatureParameters: Set<Substring> = [
        "AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature",
    ]

    static func spanName(method: String) -> String {
        knownMethods.contains(method) ? method : "HTTP"
    }

    static func request(_ request: some RequestHead, direction: TrafficDirection) -> SpanAttributes {
        let scheme = request.scheme ?? "http"
        let authority = request.authority.map { $0.split(separator: "@").last.map(String.init) ?? "" }
        var attributes = SpanAttributes()
        setMethod(request.method, in: &attributes)
        if let authority, let server = EndpointAddress(authority: authority, defaultPort: scheme == "https" ? 443 : 80)
        {
            attributes.set("server.address", value: .string(server.host))
            attributes.set("server.port", value: server.port.map { .int64(Int64($0)) })
        }
        switch direction {
        case .outbound:
            let path = redacted(request.path)
            attributes.set("url.full", value: .string("\(scheme)://\(authority ?? "")\(path)"))
        case .inbound:
            attributes.set("url.scheme", value: .string(scheme))
            attributes.set("url.path", value: .string(String(request.pathWithoutQuery)))
            if let mark = request.path.firstIndex(of: "?") {
                let query = redacted(String(request.path[mark...])).dropFirst()
                attributes.set("url.query", value: .string(String(query)))
            }
        }
        if let agent = request.value(of: userAgent) { attributes.set("user_agent.original", value: .string(agent)) }
        return attributes
    }

    static func attemptStarted(method: String, attempt: Int) -> SpanAttributes {
        var attributes = SpanAttributes()
        setMethod(method, in: &attributes)
        if attempt > 1 { attributes.set("http.request.resend_count", value: .int64(Int64(attempt - 1))) }
        return attributes
    }

    static func attemptFinished(_ record: AttemptRecord, in attributes: inout SpanAttributes) {
        attributes.set("upstream_cluster", value: .string(record.cluster))
        if let endpoint = record.endpoint {
            attributes.set("network.peer.address", value: .string(endpoint.host))
            attributes.set("network.peer.port", value: endpoint.port.map { .int64(Int64($0)) })
        }
        setEnding(status: record.status, error: record.error, failsFrom: 400, in: &attributes)
    }

    static func requestFinished(_ record: RequestRecord, in attributes: inout SpanAttributes) {
        if let cluster = record.cluster { attributes.set("upstream_cluster", value: .string(cluster)) }
        if let route = record.route { attributes.set("route_name", value: .string(route)) }
        if let peer = record.peerIdentity { attributes.set("peer.identity", value: .string(peer)) }
        if !record.flags.isEmpty {
            attributes.set("response_flags", value: .string(AccessLogLine.text(of: record.flags)))
        }
        if record.direction == .outbound {
            attributes.set("upstream_rq_attempts", value: .int64(Int64(record.attempts)))
        }
        setEnding(
            status: record.status,
            error: record.error,
            failsFrom: failureThreshold(record.direction),
            in: &attributes
        )
    }

    /// The lowest status that makes a span an error: a server did its work when it answered 4xx, for the client the
    /// call failed.
    static func failureThreshold(_ direction: TrafficDirection) -> Int {
        direction == .inbound ? 500 : 400
    }

    /// How a span ended: an error, or nothing, which OpenTelemetry prefers to "ok". A caller that gave up is no error.
    static func spanStatus(status: Int, error: (any Error)?, failsFrom threshold: Int) -> SpanStatus? {
        if let error {
            return isCancellation(error) ? nil : SpanStatus(code: .error, message: "\(error)")
        }
        return status >= threshold ? SpanStatus(code: .error) : nil
    }

    static func isCancellation(_ error: any Error) -> Bool {
        error is CancellationError || (error as? MeshError)?.code == .cancelled
    }

    private static let userAgent: HeaderName = "user-agent"

    private static func setMethod(_ method: String, in attributes: inout SpanAttributes) {
        if knownMethods.contains(method) {
            attributes.set("http.request.method", value: .string(method))
        } else {
            attributes.set("http.request.method", value: .string("_OTHER"))
            attributes.set("http.request.method_original", value: .string(method))
        }
    }

    private static func setEnding(
        status: Int,
        error: (any Error)?,
        failsFrom threshold: Int,
        in attributes: inout SpanAttributes
    ) {
        if status > 0 { attributes.set("http.response.status_code", value: .int64(Int64(status))) }
        if let error {
            attributes.set("error.type", value: .string(errorType(error)))
        } else if status >= threshold {
            attributes.set("error.type", value: .string(String(status)))
        }
    }

    private static func errorType(_ error: any Error) -> String {
        if let error = error as? MeshError { return error.code.description }
        return isCancellation(error) ? "cancelled" : String(reflecting: type(of: error))
    }

    private static func redacted(_ path: String) -> String {
        guard let mark = path.firstIndex(of: "?") else { return path }
        let parameters = path[path.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
        guard parameters.contains(where: isSignature) else { return path }
        return path[...mark]
            + parameters.map { isSignature($0) ? $0.prefix { $0 != "=" } + "=REDACTED" : $0 }.joined(separator: "&")
    }

    private static func isSignature(_ parameter: Substring) -> Bool {
        signatureParameters.contains(parameter.prefix { $0 != "=" })
    }
}
