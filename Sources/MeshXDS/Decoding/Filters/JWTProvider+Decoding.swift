// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension JWTProvider {
    private typealias Message = Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtProvider
    private static let read = ReadFields(
        Message.self,
        "issuer",
        "audiences",
        "subjects",
        "require_expiration",
        "max_lifetime",
        "remote_jwks",
        "local_jwks",
        "forward",
        "from_headers",
        "from_params",
        "from_cookies",
        "forward_payload_header",
        "pad_forward_payload_header",
        "payload_in_metadata",
        "normalize_payload_in_metadata",
        "header_in_metadata",
        "failed_status_in_metadata",
        "clock_skew_seconds",
        "jwt_cache_config",
        "claim_to_headers",
        "clear_route_cache"
    )

    /// Decodes a provider.
    /// - Returns: `nil`, with a problem, if something of it is bad or not supported.
    init?(
        name: String,
        _ message: Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtProvider,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard !context.rejectOthers(in: message, at: path, read: Self.read) else { return nil }
        if message.clearRouteCache_p {
            context.ignore(path["clear_route_cache"], "the route is found before tokens are looked at")
        }
        guard let keys = Self.keys(message, at: path, &context) else { return nil }
        self.init(name: name, issuer: message.issuer, audiences: message.audiences, keys: keys)
        if message.hasSubjects {
            guard let subjects = StringMatcher(message.subjects, at: path["subjects"], &context) else { return nil }
            self.subjects = subjects
        }
        requiresExpiration = message.requireExpiration
        if message.hasMaxLifetime {
            guard let limit = Nanoseconds(message.maxLifetime, at: path["max_lifetime"], &context) else { return nil }
            maximumLifetime = limit
        }
        forwardsToken = message.forward
        fromHeaders = message.fromHeaders.map { HeaderLocation(HeaderName($0.name), valuePrefix: $0.valuePrefix) }
        fromParameters = message.fromParams
        fromCookies = message.fromCookies
        payloadHeader = message.forwardPayloadHeader.isEmpty ? nil : HeaderName(message.forwardPayloadHeader)
        padsPayloadHeader = message.padForwardPayloadHeader
        claimHeaders = message.claimToHeaders.map { ClaimHeader(HeaderName($0.headerName), claim: $0.claimName) }
        claimsNote = message.payloadInMetadata
        headerNote = message.headerInMetadata
        failureNote = message.failedStatusInMetadata
        spaceDelimitedClaims = message.normalizePayloadInMetadata.spaceDelimitedClaims
        if message.clockSkewSeconds > 0 { clockSkew = message.clockSkewSeconds }
        let cache = message.jwtCacheConfig
        if cache.jwtCacheSize > 0 { cachedTokens = Int(cache.jwtCacheSize) }
        if cache.jwtMaxTokenSize > 0 { maximumCachedTokenBytes = Int(cache.jwtMaxTokenSize) }
    }

    private static func keys(
        _ message: Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtProvider,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Keys? {
        switch message.jwksSourceSpecifier {
        case .localJwks(let source): return source.inlineText(at: path["local_jwks"], &context).map(Keys.text)
        case .remoteJwks(let remote): return RemoteKeys(remote, at: path["remote_jwks"], &context).map(Keys.remote)
        case nil:
            context.reject(path, "needs local_jwks or remote_jwks")
            return nil
        }
    }
}

extension RemoteKeys {
    private static let read = ReadFields(
        Envoy_Extensions_Filters_Http_JwtAuthn_V3_RemoteJwks.self,
        "http_uri",
        "cache_duration",
        "async_fetch"
    )

    fileprivate init?(
        _ message: Envoy_Extensions_Filters_Http_JwtAuthn_V3_RemoteJwks,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        // Keys are fetched again in any case.
        context.ignoreOthers(in: message, at: path, read: Self.read)
        self.init(uri: message.httpUri.uri)
        if case .cluster(let name) = message.httpUri.httpUpstreamType { cluster = name.canonicalResourceName }
        if message.httpUri.hasTimeout {
            let path = path["http_uri"]["timeout"]
            guard let timeout = Nanoseconds(positive: message.httpUri.timeout, at: path, &context) else { return nil }
            self.timeout = timeout
        }
        if message.hasCacheDuration {
            let path = path["cache_duration"]
            guard let duration = Nanoseconds(message.cacheDuration, at: path, &context) else { return nil }
            cacheDuration = duration
        }
        if message.asyncFetch.hasFailedRefetchDuration {
            let path = path["async_fetch"]["failed_refetch_duration"]
            let duration = Nanoseconds(positive: message.asyncFetch.failedRefetchDuration, at: path, &context)
            guard let duration else { return nil }
            refetchDelay = duration
        }
    }
}

extension Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtProvider {
    /// Encodes a provider.
    init(_ provider: JWTProvider) {
        self.init()
        issuer = provider.issuer
        audiences = provider.audiences
        if let matcher = provider.subjects { subjects = Envoy_Type_Matcher_V3_StringMatcher(matcher) }
        requireExpiration = provider.requiresExpiration
        if let limit = provider.maximumLifetime { maxLifetime = Google_Protobuf_Duration(limit) }
        switch provider.keys {
        case .text(let text): localJwks.inlineString = text
        case .remote(let remote):
            remoteJwks.httpUri.uri = remote.uri
            remoteJwks.httpUri.cluster = remote.cluster
            remoteJwks.httpUri.timeout = Google_Protobuf_Duration(remote.timeout)
            remoteJwks.cacheDuration = Google_Protobuf_Duration(remote.cacheDuration)
            remoteJwks.asyncFetch.failedRefetchDuration = Google_Protobuf_Duration(remote.refetchDelay)
        }
        forward = provider.forwardsToken
        fromHeaders = provider.fromHeaders.map { location in
            var message = Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtHeader()
            message.name = location.name.lowercased
            message.valuePrefix = location.valuePrefix
            return message
        }
        fromParams = provider.fromParameters
        fromCookies = provider.fromCookies
        forwardPayloadHeader = provider.payloadHeader?.lowercased ?? ""
        padForwardPayloadHeader = provider.padsPayloadHeader
        claimToHeaders = provider.claimHeaders.map { rule in
            var message = Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtClaimToHeader()
            message.headerName = rule.header.lowercased
            message.claimName = rule.claim
            return message
        }
        payloadInMetadata = provider.claimsNote
        headerInMetadata = provider.headerNote
        failedStatusInMetadata = provider.failureNote
        if !provider.spaceDelimitedClaims.isEmpty {
            normalizePayloadInMetadata.spaceDelimitedClaims = provider.spaceDelimitedClaims
        }
        clockSkewSeconds = provider.clockSkew
        jwtCacheConfig.jwtCacheSize = UInt32(clamping: provider.cachedTokens)
        jwtCacheConfig.jwtMaxTokenSize = UInt32(clamping: provider.maximumCachedTokenBytes)
    }
}
