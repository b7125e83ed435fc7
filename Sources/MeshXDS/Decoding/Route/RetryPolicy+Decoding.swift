// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import SwiftProtobuf

extension RetryPolicy {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RetryPolicy.self,
        "retry_on",
        "num_retries",
        "per_try_timeout",
        "retry_priority",
        "retry_host_predicate",
        // How often a pick may be repeated until it avoids a previous host; ours avoids them at once.
        "host_selection_retry_max_attempts",
        "retriable_status_codes",
        "retriable_headers",
        "retriable_request_headers",
        "retry_back_off",
        "rate_limited_retry_back_off"
    )
    private typealias PreviousHosts = Envoy_Extensions_Retry_Host_PreviousHosts_V3_PreviousHostsPredicate
    private typealias PreviousPriorities =
        Envoy_Extensions_Retry_Priority_PreviousPriorities_V3_PreviousPrioritiesConfig
    private static let previousHosts = "envoy.retry_host_predicates.previous_hosts"

    /// Decodes a policy. Conditions that are not known are left out, as gRPC does (gRFC A44).
    init?(
        _ message: Envoy_Config_Route_V3_RetryPolicy,
        alwaysReplays: Bool,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        self.init(
            conditions: Self.conditions(message.retryOn, at: path["retry_on"], &context),
            replay: alwaysReplays ? .always : .harmless,
            avoidsPreviousEndpoints: false
        )
        if message.hasNumRetries {
            // 0 is accepted: gRPC's C++ core refuses it, and with it the whole table.
            let retries = message.numRetries.value
            if retries > 999 { context.ignore(path["num_retries"], "is \(retries); 999 is used") }
            maximumAttempts = Int(min(retries, 999)) + 1
        }
        for (position, code) in message.retriableStatusCodes.enumerated() {
            guard (100...599).contains(code) else {
                context.reject(path["retriable_status_codes", position], "must be from 100 to 599, is \(code)")
                return nil
            }
            retriableStatusCodes.append(Int(code))
        }
        guard let headers = context.list(message.retriableHeaders, at: path, "retriable_headers", HeaderMatcher.init),
            let ofRequests = context.list(
                message.retriableRequestHeaders,
                at: path,
                "retriable_request_headers",
                HeaderMatcher.init
            )
        else { return nil }
        retriableHeaders = headers
        retriableRequestHeaders = ofRequests
        if message.hasPerTryTimeout {
            guard let limit = Nanoseconds(message.perTryTimeout, at: path["per_try_timeout"], &context) else {
                return nil
            }
            perTryTimeout = limit == .zero ? nil : limit
        }
        if message.hasRetryBackOff {
            guard let backoff = Backoff(message.retryBackOff, at: path["retry_back_off"], &context) else { return nil }
            self.backoff = backoff
        }
        if message.hasRateLimitedRetryBackOff {
            let path = path["rate_limited_retry_back_off"]
            guard let backoff = RateLimitedBackoff(message.rateLimitedRetryBackOff, at: path, &context) else {
                return nil
            }
            rateLimitedBackoff = backoff
        }
        if message.hasRetryPriority {
            guard decode(message.retryPriority, at: path["retry_priority"], &context) else { return nil }
        }
        decode(message.retryHostPredicate, at: path, &context)
        if context.rules == .grpc { followGRPC(at: path["retry_on"], &context) }
    }

    private mutating func decode(
        _ predicates: [Envoy_Config_Route_V3_RetryPolicy.RetryHostPredicate],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        for (position, predicate) in predicates.enumerated() {
            let type = typeName(ofTypeURL: predicate.typedConfig.typeURL)
            // The type decides, the name is a label; older control planes give the name only.
            if type == PreviousHosts.protoMessageName || type.isEmpty && predicate.name == Self.previousHosts {
                avoidsPreviousEndpoints = true
            } else {
                context.ignore(path["retry_host_predicate", position], "\(predicate.name) is not supported")
            }
        }
    }

    /// Has gRPC's rules hold (gRFC A44): statuses alone decide, there are five attempts at most, and waits vary as theirs do.
    private mutating func followGRPC(at path: FieldPath, _ context: inout DecodingContext) {
        let others = conditions.subtracting(.grpcStatuses)
        for (name, condition) in RetryConditions.names where others.contains(condition) {
            context.ignore(path, "the condition \(name) has no effect by gRPC's rules, which know statuses only")
        }
        conditions.formIntersection(.grpcStatuses)
        attemptCeiling = Self.grpcAttemptCeiling
        backoff = .grpc(initial: backoff.base, maximum: backoff.maximum, multiplier: 2)
    }

    /// - Returns: `false`, with a problem, if it is bad.
    private mutating func decode(
        _ message: Envoy_Config_Route_V3_RetryPolicy.RetryPriority,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        guard typeName(ofTypeURL: message.typedConfig.typeURL) == PreviousPriorities.protoMessageName else {
            context.ignore(path, "\(message.name) is not supported")
            return true
        }
        let path = path["typed_config"]
        guard let settings = context.unpack(message.typedConfig, as: PreviousPriorities.self, at: path) else {
            return false
        }
        guard settings.updateFrequency > 0 else {
            context.reject(path["update_frequency"], "must be greater than 0, is \(settings.updateFrequency)")
            return false
        }
        priorityUpdateFrequency = Int(settings.updateFrequency)
        return true
    }

    private static func conditions(
        _ text: String,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RetryConditions {
        var conditions: RetryConditions = []
        for word in text.split(separator: ",") {
            let name = String(word.drop { $0 == " " }.prefix { $0 != " " })
            if let known = RetryConditions.names.first(where: { $0.name == name }) {
                conditions.insert(known.condition)
            } else {
                context.ignore(path, "the condition \(name) is not supported")
            }
        }
        return conditions
    }
}

extension Backoff {
    /// Decodes a back-off: the base is required, the maximum is ten times the base if it is left out.
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_RetryPolicy.RetryBackOff,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard let base = Nanoseconds(positive: message.baseInterval, at: path["base_interval"], &context) else {
            return nil
        }
        self.init(base: base)
        guard message.hasMaxInterval else { return }
        guard let maximum = Nanoseconds(positive: message.maxInterval, at: path["max_interval"], &context) else {
            return nil
        }
        guard maximum >= base else {
            context.reject(path["max_interval"], "must be at least base_interval")
            return nil
        }
        self.maximum = maximum
    }
}

extension RateLimitedBackoff {
    /// Decodes which fields of an answer say when to come back; at most 300 s unless it says otherwise.
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_RetryPolicy.RateLimitedRetryBackOff,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        self.init(headers: [])
        for (position, header) in message.resetHeaders.enumerated() {
            let path = path["reset_headers", position]
            let name = HeaderName(header.name)
            guard name.isValid else {
                context.reject(path["name"], "\"\(header.name)\" is no header name")
                return nil
            }
            switch header.format {
            case .seconds: headers.append(ResetHeader(name, .seconds))
            case .unixTimestamp: headers.append(ResetHeader(name, .unixTimestamp))
            case .UNRECOGNIZED(let format):
                context.reject(path["format"], "\(format) is unknown")
                return nil
            }
        }
        guard !headers.isEmpty else {
            context.reject(path["reset_headers"], "is empty")
            return nil
        }
        guard message.hasMaxInterval else { return }
        guard let longest = Nanoseconds(positive: message.maxInterval, at: path["max_interval"], &context) else {
            return nil
        }
        maximum = longest
    }
}

extension Envoy_Config_Route_V3_RetryPolicy {
    /// Encodes a policy.
    init(_ policy: RetryPolicy) {
        self.init()
        if let frequency = policy.priorityUpdateFrequency { retryPriority = RetryPriority(updateFrequency: frequency) }
        retryOn = RetryConditions.names.filter { policy.conditions.contains($0.condition) }.map(\.name)
            .joined(separator: ",")
        numRetries = Google_Protobuf_UInt32Value(UInt32(clamping: policy.maximumAttempts - 1))
        retriableStatusCodes = policy.retriableStatusCodes.map { UInt32(clamping: $0) }
        retriableHeaders = policy.retriableHeaders.map { Envoy_Config_Route_V3_HeaderMatcher($0) }
        retriableRequestHeaders = policy.retriableRequestHeaders.map { Envoy_Config_Route_V3_HeaderMatcher($0) }
        if let limit = policy.perTryTimeout { perTryTimeout = Google_Protobuf_Duration(limit) }
        // Not to wait at all is refused; Envoy makes a millisecond of anything shorter.
        let base = max(policy.backoff.base, Nanoseconds(rawValue: 1))
        retryBackOff.baseInterval = Google_Protobuf_Duration(base)
        retryBackOff.maxInterval = Google_Protobuf_Duration(max(policy.backoff.maximum, base))
        // `Retry-After` in both its forms is what a mesh does without being told; xDS has a field for one of them.
        if let backoff = policy.rateLimitedBackoff, backoff != RateLimitedBackoff() {
            rateLimitedRetryBackOff.resetHeaders = backoff.headers.map { header in
                var message = ResetHeader()
                message.name = "\(header.name)"
                message.format = header.format == .unixTimestamp ? .unixTimestamp : .seconds
                return message
            }
            rateLimitedRetryBackOff.maxInterval = Google_Protobuf_Duration(backoff.maximum)
        }
        if policy.avoidsPreviousEndpoints {
            var predicate = RetryHostPredicate()
            predicate.name = "envoy.retry_host_predicates.previous_hosts"
            predicate.typedConfig = Google_Protobuf_Any(
                typeName: "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                bytes: []
            )
            retryHostPredicate = [predicate]
            // What Istio sets: Envoy's one attempt would often hit the previous host again.
            hostSelectionRetryMaxAttempts = 5
        }
    }
}

/// Whether requests that may have been processed are sent again: our own setting, in the route's metadata, since xDS
/// has no field for it. Where it is not set, only harmless ones are; by gRPC's rules all are, since there whoever says what
/// is retried vouches for the methods (gRFC A6).
enum RetryReplayMetadata {
    private static let namespace = "swift-service-mesh"
    private static let key = "retry_replay"

    static func alwaysReplays(_ metadata: Envoy_Config_Core_V3_Metadata, by rules: XDSRules) -> Bool {
        guard let value = metadata.filterMetadata[namespace]?.fields[key] else { return rules == .grpc }
        return value.stringValue == "always"
    }

    /// Whether anything is said about it.
    static func isSaid(_ metadata: Envoy_Config_Core_V3_Metadata) -> Bool {
        metadata.filterMetadata[namespace]?.fields[key] != nil
    }

    static func set(_ replay: RetryPolicy.Replay, in metadata: inout Envoy_Config_Core_V3_Metadata) {
        metadata.filterMetadata[namespace, default: Google_Protobuf_Struct()].fields[key] =
            Google_Protobuf_Value(stringValue: replay == .always ? "always" : "harmless")
    }
}

extension Envoy_Config_Route_V3_RetryPolicy.RetryPriority {
    fileprivate init(updateFrequency: Int) {
        self.init()
        name = "envoy.retry_priorities.previous_priorities"
        var settings = Envoy_Extensions_Retry_Priority_PreviousPriorities_V3_PreviousPrioritiesConfig()
        settings.updateFrequency = Int32(clamping: updateFrequency)
        // A message of numbers always serializes.
        let bytes: [UInt8]? = try? settings.serializedBytes()
        typedConfig = Google_Protobuf_Any(typeName: type(of: settings).protoMessageName, bytes: bytes ?? [])
    }
}
