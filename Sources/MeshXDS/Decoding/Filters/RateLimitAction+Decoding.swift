// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension RateLimitAction {
    private typealias Message = Envoy_Config_Route_V3_RateLimit.Action

    /// Decodes where an entry of a descriptor comes from.
    /// - Returns: `nil`, with a problem, if it is bad or not supported.
    init?(_ message: Envoy_Config_Route_V3_RateLimit.Action, at path: FieldPath, _ context: inout DecodingContext) {
        switch message.actionSpecifier {
        case .sourceCluster: self = .sourceCluster
        case .destinationCluster: self = .destinationCluster
        case .remoteAddress: self = .remoteAddress
        case .requestHeaders(let action):
            let path = path["request_headers"]
            guard let name = context.headerName(action.headerName, at: path["header_name"]),
                context.require(name: action.descriptorKey, at: path["descriptor_key"])
            else { return nil }
            self = .header(name, key: action.descriptorKey, skipsIfAbsent: action.skipIfAbsent)
        case .queryParameters(let action):
            let path = path["query_parameters"]
            guard context.require(name: action.queryParameterName, at: path["query_parameter_name"]),
                context.require(name: action.descriptorKey, at: path["descriptor_key"])
            else { return nil }
            self = .queryParameter(
                action.queryParameterName,
                key: action.descriptorKey,
                skipsIfAbsent: action.skipIfAbsent
            )
        case .maskedRemoteAddress(let action):
            let path = path["masked_remote_address"]
            let (version4, version6) = (
                action.hasV4PrefixMaskLen ? action.v4PrefixMaskLen.value : 32,
                action.hasV6PrefixMaskLen ? action.v6PrefixMaskLen.value : 128
            )
            guard version4 <= 32, version6 <= 128 else {
                context.reject(path, "a mask must have at most 32, or 128, bits")
                return nil
            }
            self = .maskedRemoteAddress(version4Bits: Int(version4), version6Bits: Int(version6))
        case .genericKey(let action):
            let path = path["generic_key"]
            guard let value = Value(action.descriptorValue, action.defaultValue, at: path, &context) else { return nil }
            self = .text(value, key: action.descriptorKey.isEmpty ? "generic_key" : action.descriptorKey)
        case .headerValueMatch(let action):
            guard let match = Self.match(action, at: path["header_value_match"], &context) else { return nil }
            self = match
        case .queryParameterValueMatch(let action):
            guard let match = Self.match(action, at: path["query_parameter_value_match"], &context) else { return nil }
            self = match
        case .remoteAddressMatch(let action):
            guard let match = Self.match(action, at: path["remote_address_match"], &context) else { return nil }
            self = match
        case .dynamicMetadata(let action):
            var same = Message.MetaData()
            same.descriptorKey = action.descriptorKey
            same.metadataKey = action.metadataKey
            same.defaultValue = action.defaultValue
            guard let metadata = Metadata(same, at: path["dynamic_metadata"], &context) else { return nil }
            self = .metadata(metadata)
        case .metadata(let action):
            guard let metadata = Metadata(action, at: path["metadata"], &context) else { return nil }
            self = .metadata(metadata)
        case .extension(let action):
            let type = typeName(ofTypeURL: action.typedConfig.typeURL)
            context.reject(path["extension"], "the extension \(type) is not supported")
            return nil
        case nil:
            context.reject(path, "has no action that is supported")
            return nil
        }
    }

    private static func match(
        _ message: Message.HeaderValueMatch,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RateLimitAction? {
        guard let headers = context.list(message.headers, at: path, "headers", HeaderMatcher.init),
            let value = Value(message.descriptorValue, message.defaultValue, at: path, &context)
        else { return nil }
        guard !headers.isEmpty else {
            context.reject(path["headers"], "is empty")
            return nil
        }
        let key = message.descriptorKey.isEmpty ? "header_match" : message.descriptorKey
        return .headerMatch(headers, expects: !message.hasExpectMatch || message.expectMatch.value, value, key: key)
    }

    private static func match(
        _ message: Message.QueryParameterValueMatch,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RateLimitAction? {
        guard
            let parameters = context.list(
                message.queryParameters,
                at: path,
                "query_parameters",
                QueryParameterMatcher.init
            ),
            let value = Value(message.descriptorValue, message.defaultValue, at: path, &context)
        else { return nil }
        guard !parameters.isEmpty else {
            context.reject(path["query_parameters"], "is empty")
            return nil
        }
        let key = message.descriptorKey.isEmpty ? "query_match" : message.descriptorKey
        return .queryMatch(parameters, expects: !message.hasExpectMatch || message.expectMatch.value, value, key: key)
    }

    private static func match(
        _ message: Message.RemoteAddressMatch,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RateLimitAction? {
        guard let value = Value(message.descriptorValue, message.defaultValue, at: path, &context),
            let addresses = Addresses(message.addressMatcher, at: path["address_matcher"], &context)
        else { return nil }
        let key = message.descriptorKey.isEmpty ? "remote_address_match" : message.descriptorKey
        return .addressMatch(addresses, value, key: key)
    }
}

extension RateLimitAction.Value {
    fileprivate init?(
        _ text: String,
        _ fallback: String,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard context.require(name: text, at: path["descriptor_value"]),
            let format = context.format(text, at: path["descriptor_value"])
        else { return nil }
        self.init(format, fallback: fallback)
    }
}

extension RateLimitAction.Addresses {
    private static let read = ReadFields(Envoy_Type_Matcher_V3_AddressMatcher.self, "ranges", "invert_match")

    fileprivate init?(
        _ message: Envoy_Type_Matcher_V3_AddressMatcher,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let others = Self.read.others(in: message)
        for name in others { context.reject(path[name], "is not supported") }
        guard others.isEmpty, let ranges = context.list(message.ranges, at: path, "ranges", AddressRange.init) else {
            return nil
        }
        guard !ranges.isEmpty else {
            context.reject(path["ranges"], "is empty")
            return nil
        }
        self.init(ranges, isInverted: message.invertMatch)
    }
}

extension RateLimitAction.Metadata {
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_RateLimit.Action.MetaData,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard context.require(name: message.descriptorKey, at: path["descriptor_key"]),
            let keys = context.keys(message.metadataKey, at: path["metadata_key"])
        else { return nil }
        let source: Source
        switch message.source {
        case .dynamic: source = .request
        case .routeEntry: source = .route
        case .UNRECOGNIZED(let value):
            context.reject(path["source"], "\(value) is unknown")
            return nil
        }
        self.init(
            key: message.descriptorKey,
            filter: message.metadataKey.key,
            path: keys,
            fallback: message.defaultValue,
            source: source,
            skipsIfAbsent: message.skipIfAbsent
        )
    }
}
