// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension Envoy_Config_Route_V3_RateLimit.Action {
    /// Encodes where an entry of a descriptor comes from.
    init(_ action: RateLimitAction) {
        self.init()
        switch action {
        case .sourceCluster: sourceCluster = SourceCluster()
        case .destinationCluster: destinationCluster = DestinationCluster()
        case .remoteAddress: remoteAddress = RemoteAddress()
        case .header(let name, let key, let skips):
            requestHeaders.headerName = name.lowercased
            requestHeaders.descriptorKey = key
            requestHeaders.skipIfAbsent = skips
        case .queryParameter(let name, let key, let skips):
            queryParameters.queryParameterName = name
            queryParameters.descriptorKey = key
            queryParameters.skipIfAbsent = skips
        case .maskedRemoteAddress(let version4, let version6):
            maskedRemoteAddress.v4PrefixMaskLen = Google_Protobuf_UInt32Value(UInt32(clamping: version4))
            maskedRemoteAddress.v6PrefixMaskLen = Google_Protobuf_UInt32Value(UInt32(clamping: version6))
        case .text(let value, let key):
            genericKey.descriptorValue = value.format.text
            genericKey.defaultValue = value.fallback
            genericKey.descriptorKey = key
        case .headerMatch(let headers, let expects, let value, let key):
            headerValueMatch.headers = headers.map { Envoy_Config_Route_V3_HeaderMatcher($0) }
            headerValueMatch.expectMatch = Google_Protobuf_BoolValue(expects)
            headerValueMatch.descriptorValue = value.format.text
            headerValueMatch.defaultValue = value.fallback
            headerValueMatch.descriptorKey = key
        case .queryMatch(let parameters, let expects, let value, let key):
            queryParameterValueMatch.queryParameters = parameters.map { .init($0) }
            queryParameterValueMatch.expectMatch = Google_Protobuf_BoolValue(expects)
            queryParameterValueMatch.descriptorValue = value.format.text
            queryParameterValueMatch.defaultValue = value.fallback
            queryParameterValueMatch.descriptorKey = key
        case .addressMatch(let addresses, let value, let key):
            remoteAddressMatch.addressMatcher.ranges = addresses.ranges.map { range in
                var message = Xds_Core_V3_CidrRange()
                message.addressPrefix = range.first.description
                message.prefixLen = Google_Protobuf_UInt32Value(UInt32(clamping: range.length))
                return message
            }
            remoteAddressMatch.addressMatcher.invertMatch = addresses.isInverted
            remoteAddressMatch.descriptorValue = value.format.text
            remoteAddressMatch.defaultValue = value.fallback
            remoteAddressMatch.descriptorKey = key
        case .metadata(let lookup):
            metadata.descriptorKey = lookup.key
            metadata.metadataKey = .init(filter: lookup.filter, keys: lookup.path)
            metadata.defaultValue = lookup.fallback
            metadata.source = lookup.source == .request ? .dynamic : .routeEntry
            metadata.skipIfAbsent = lookup.skipsIfAbsent
        }
    }
}
