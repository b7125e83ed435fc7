// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

extension RouteAction {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RouteAction.self,
        "cluster",
        "cluster_header",
        "weighted_clusters",
        "cluster_not_found_response_code",
        "prefix_rewrite",
        "regex_rewrite",
        "path_rewrite_policy",
        "host_rewrite_literal",
        "auto_host_rewrite",
        "host_rewrite_header",
        "host_rewrite_path_regex",
        "append_x_forwarded_host",
        "timeout",
        "idle_timeout",
        "max_stream_duration",
        "max_grpc_timeout",
        "grpc_timeout_offset",
        "retry_policy",
        "request_mirror_policies",
        "priority",
        "metadata_match",
        "hash_policy",
        "rate_limits",
        "include_vh_rate_limits",
        "internal_redirect_policy",
        // The route's other policies are decoded with it.
        "hedge_policy",
        "cors"
    )
    /// Rewrites that are not supported: without them a request would arrive as another one.
    private static let rewrites = ["path_rewrite", "host_rewrite"]

    /// Decodes a forwarding action.
    /// - Returns: `nil`, with a problem, if a part of it is bad.
    init?(
        _ message: Envoy_Config_Route_V3_RouteAction,
        retry: Envoy_Config_Route_V3_RetryPolicy?,
        alwaysReplays: Bool,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let others = context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.clusterSpecifier != nil else {
            guard let newer = others.first(where: { $0.hasSuffix("cluster_specifier_plugin") }) else {
                context.reject(path, "has no cluster")
                return nil
            }
            self = .unsupported(newer, at: path[newer], &context)
            return
        }
        if let rewrite = others.first(where: Self.rewrites.contains) {
            self = .unsupported(rewrite, at: path[rewrite], &context)
            return
        }
        guard let target = ClusterSpecifier(message, at: path, &context) else { return nil }
        var forward = Forward(target: target, endpointLabels: LabelMetadata.labels(in: message.metadataMatch))
        guard forward.readRewrites(message, at: path, &context), forward.readTimeouts(message, at: path, &context),
            forward.readRest(message, at: path, &context)
        else { return nil }
        WeightedClusters.readOverrides(
            message.weightedClusters,
            at: path["weighted_clusters"],
            into: &forward,
            &context
        )
        if let retry {
            let path = path["retry_policy"]
            guard let policy = RetryPolicy(retry, alwaysReplays: alwaysReplays, at: path, &context) else { return nil }
            forward.retry = policy
        }
        self = .forward(forward)
    }
}

extension ClusterSpecifier {
    /// Decodes which cluster a request goes to.
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_RouteAction,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        switch message.clusterSpecifier {
        case .cluster(let name):
            guard context.require(name: name, at: path["cluster"]) else { return nil }
            self = .clusters(WeightedClusters(single: name.canonicalResourceName))
        case .clusterHeader(let text):
            guard let name = context.headerName(text, at: path["cluster_header"]) else { return nil }
            self = .header(name)
        case .weightedClusters(let message):
            guard let split = WeightedClusters(message, at: path["weighted_clusters"], &context) else { return nil }
            self = .clusters(split)
        case nil:
            context.reject(path, "has no cluster")
            return nil
        }
    }
}

extension RouteAction.Forward {
    /// Reads how the path and the authority are changed.
    /// - Returns: `false`, with a problem, if a part of it is bad.
    fileprivate mutating func readRewrites(
        _ message: Envoy_Config_Route_V3_RouteAction,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        let rewrites = [!message.prefixRewrite.isEmpty, message.hasRegexRewrite, message.hasPathRewritePolicy]
        guard rewrites.count(where: { $0 }) <= 1 else {
            context.reject(path, "has more than one of prefix_rewrite, regex_rewrite and path_rewrite_policy")
            return false
        }
        guard context.requireFieldValue(message.prefixRewrite, at: path["prefix_rewrite"]),
            context.requireFieldValue(message.hostRewriteLiteral, at: path["host_rewrite_literal"])
        else { return false }
        if !message.prefixRewrite.isEmpty {
            pathRewrite = .prefix(message.prefixRewrite)
        } else if message.hasRegexRewrite {
            let path = path["regex_rewrite"]
            guard let rewrite = RegexSubstitution(message.regexRewrite, at: path, &context) else { return false }
            pathRewrite = .regularExpression(rewrite)
        } else if message.hasPathRewritePolicy {
            let path = path["path_rewrite_policy"]
            guard let rewrite = PathTemplateRewrite(message.pathRewritePolicy, at: path, &context) else { return false }
            pathRewrite = .template(rewrite)
        }
        appendsForwardedHost = message.appendXForwardedHost
        switch message.hostRewriteSpecifier {
        case .hostRewriteLiteral(let host) where !host.isEmpty: hostRewrite = .literal(host)
        case .autoHostRewrite(let isAutomatic) where isAutomatic.value: hostRewrite = .endpoint
        case .hostRewriteHeader(let text) where !text.isEmpty:
            guard let name = context.headerName(text, at: path["host_rewrite_header"]) else { return false }
            hostRewrite = .header(name)
        case .hostRewritePathRegex(let rewrite):
            let path = path["host_rewrite_path_regex"]
            guard let rewrite = RegexSubstitution(rewrite, at: path, &context) else { return false }
            hostRewrite = .path(rewrite)
        case .hostRewriteLiteral, .autoHostRewrite, .hostRewriteHeader, .hostRewrite, nil: break
        }
        return true
    }

    /// What `RouteAction.timeout` is where it is left out: Envoy's 15 s.
    private static let standardTimeout = Nanoseconds.seconds(15)

    /// Reads the time limits: 0 is none in all of them (gRFC A31).
    ///
    /// gRPC has `max_stream_duration` in the place of Envoy's `timeout`, so that it is the timeout where there is no other.
    /// A route that says neither has Envoy's default.
    /// - Returns: `false`, with a problem, if one of them is bad.
    fileprivate mutating func readTimeouts(
        _ message: Envoy_Config_Route_V3_RouteAction,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        if message.hasTimeout {
            guard let limit = Nanoseconds(message.timeout, at: path["timeout"], &context) else { return false }
            timeout = limit == .zero ? nil : limit
        } else if !message.hasMaxStreamDuration {
            timeout = Self.standardTimeout
        }
        if message.hasIdleTimeout {
            guard let limit = Nanoseconds(message.idleTimeout, at: path["idle_timeout"], &context) else { return false }
            idleTimeout = limit
        }
        guard let limits = StreamDurationLimit.reading(message, at: path, &context) else { return false }
        sparesCalls = timeout != nil && limits.maximum == nil
        var rest = limits
        if let longest = limits.maximum, !message.hasTimeout || longest == timeout ?? .zero {
            timeout = longest == .zero ? nil : longest
            rest.maximum = nil
        }
        streamDuration = rest == StreamDurationLimit() ? nil : rest
        return true
    }

    /// Reads everything else.
    /// - Returns: `false`, with a problem, if a part of it is bad.
    fileprivate mutating func readRest(
        _ message: Envoy_Config_Route_V3_RouteAction,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        switch message.clusterNotFoundResponseCode {
        case .serviceUnavailable: missingClusterStatus = 503
        case .notFound: missingClusterStatus = 404
        case .internalServerError: missingClusterStatus = 500
        case .UNRECOGNIZED(let code):
            context.reject(path["cluster_not_found_response_code"], "\(code) is unknown")
            return false
        }
        switch message.priority {
        case .default: priority = .standard
        case .high: priority = .high
        case .UNRECOGNIZED(let value):
            context.reject(path["priority"], "\(value) is unknown")
            return false
        }
        guard let policies = HashPolicy.list(message.hashPolicy, at: path, &context),
            let copies = context.list(
                message.requestMirrorPolicies,
                at: path,
                "request_mirror_policies",
                RequestMirror.init
            )
        else { return false }
        hashPolicies = policies
        mirrors = copies.isEmpty ? nil : copies
        guard let limits = context.list(message.rateLimits, at: path, "rate_limits", RouteRateLimit.init) else {
            return false
        }
        rateLimits = limits
        includesHostRateLimits = message.includeVhRateLimits.value
        if message.hasInternalRedirectPolicy {
            let path = path["internal_redirect_policy"]
            internalRedirects = InternalRedirectPolicy(message.internalRedirectPolicy, at: path, &context)
            guard internalRedirects != nil else { return false }
        }
        return true
    }
}

extension StreamDurationLimit {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RouteAction.MaxStreamDuration.self,
        "max_stream_duration",
        "grpc_timeout_header_max",
        "grpc_timeout_header_offset"
    )

    /// Decodes the limits in their present form, or in the older one, which does not count beside it.
    /// - Returns: `nil`, with a problem, if one of them is bad.
    fileprivate static func reading(
        _ message: Envoy_Config_Route_V3_RouteAction,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> StreamDurationLimit? {
        var maximum: Nanoseconds??
        var header: Nanoseconds??
        var offset: Nanoseconds??
        if message.hasMaxStreamDuration {
            let limits = message.maxStreamDuration
            let path = path["max_stream_duration"]
            context.ignoreOthers(in: limits, at: path, read: read)
            maximum = context.duration(
                limits.hasMaxStreamDuration ? limits.maxStreamDuration : nil,
                at: path["max_stream_duration"]
            )
            header = context.duration(
                limits.hasGrpcTimeoutHeaderMax ? limits.grpcTimeoutHeaderMax : nil,
                at: path["grpc_timeout_header_max"]
            )
            offset = context.duration(
                limits.hasGrpcTimeoutHeaderOffset ? limits.grpcTimeoutHeaderOffset : nil,
                at: path["grpc_timeout_header_offset"]
            )
        } else {
            maximum = .some(nil)
            header = context.duration(
                message.hasMaxGrpcTimeout ? message.maxGrpcTimeout : nil,
                at: path["max_grpc_timeout"]
            )
            offset = context.duration(
                message.hasGrpcTimeoutOffset ? message.grpcTimeoutOffset : nil,
                at: path["grpc_timeout_offset"]
            )
        }
        guard let maximum, let header, let offset else { return nil }
        return StreamDurationLimit(maximum: maximum, maximumOfHeader: header, headerOffset: offset ?? .zero)
    }
}

extension DecodingContext {
    /// Decodes a duration that may be left out.
    /// - Returns: `nil`, with a problem, if it is bad; `.some(nil)` if it is left out.
    fileprivate mutating func duration(_ duration: Google_Protobuf_Duration?, at path: FieldPath) -> Nanoseconds?? {
        guard let duration else { return .some(nil) }
        guard let span = Nanoseconds(duration, at: path, &self) else { return nil }
        return .some(span)
    }
}
