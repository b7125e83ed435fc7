// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension ExternalAuthorizationFilter {
    private static let read = ReadFields(
        Envoy_Extensions_Filters_Http_ExtAuthz_V3_HttpService.self,
        "server_uri",
        "path_prefix",
        "authorization_request",
        "authorization_response"
    )

    /// Decodes a service that is asked over HTTP.
    /// - Returns: `nil`, with a problem, if something of it is bad.
    init?(
        _ message: Envoy_Extensions_Filters_Http_ExtAuthz_V3_HttpService,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard case .cluster(let cluster)? = message.serverUri.httpUpstreamType, !cluster.isEmpty else {
            context.reject(path["server_uri"]["cluster"], "is missing")
            return nil
        }
        if !message.pathPrefix.isEmpty, message.pathPrefix.utf8.first != UInt8(ascii: "/") {
            context.reject(path["path_prefix"], "must begin with a slash")
            return nil
        }
        func matchers(
            _ list: Envoy_Type_Matcher_V3_ListStringMatcher,
            _ place: String,
            _ name: String,
            _ context: inout DecodingContext
        ) -> [StringMatcher]? {
            context.list(list.patterns, at: path[place][name], "patterns", StringMatcher.init)
        }
        let (request, response) = (message.authorizationRequest, message.authorizationResponse)
        guard
            let sent = matchers(request.allowedHeaders, "authorization_request", "allowed_headers", &context),
            let upstream = matchers(
                response.allowedUpstreamHeaders,
                "authorization_response",
                "allowed_upstream_headers",
                &context
            ),
            let appended = matchers(
                response.allowedUpstreamHeadersToAppend,
                "authorization_response",
                "allowed_upstream_headers_to_append",
                &context
            ),
            let client = matchers(
                response.allowedClientHeaders,
                "authorization_response",
                "allowed_client_headers",
                &context
            ),
            let noted = matchers(
                response.dynamicMetadataFromHeaders,
                "authorization_response",
                "dynamic_metadata_from_headers",
                &context
            )
        else { return nil }
        if response.hasAllowedClientHeadersOnSuccess {
            context.ignore(
                path["authorization_response"]["allowed_client_headers_on_success"],
                "the handler writes its own response"
            )
        }
        self.init(
            service: cluster.canonicalResourceName,
            http: HTTPAuthorization(
                pathPrefix: message.pathPrefix,
                addedHeaders: request.headersToAdd.map { LocalReply.Header(HeaderName($0.key), $0.value) },
                upstreamHeaders: upstream,
                appendedHeaders: appended,
                clientHeaders: client,
                notedHeaders: noted
            ),
            sentHeaders: sent
        )
        if message.serverUri.hasTimeout {
            let path = path["server_uri"]["timeout"]
            guard let timeout = Nanoseconds(positive: message.serverUri.timeout, at: path, &context) else { return nil }
            self.timeout = timeout
        }
    }
}

extension Envoy_Extensions_Filters_Http_ExtAuthz_V3_HttpService {
    /// Encodes a service that is asked over HTTP.
    init(_ http: HTTPAuthorization, cluster: String, timeout: Nanoseconds) {
        self.init()
        // Only its form counts: the cluster is asked.
        serverUri.uri = "http://authorizer"
        serverUri.cluster = cluster
        serverUri.timeout = Google_Protobuf_Duration(timeout)
        pathPrefix = http.pathPrefix
        authorizationRequest.headersToAdd = http.addedHeaders.map { header in
            var message = Envoy_Config_Core_V3_HeaderValue()
            message.key = header.name.lowercased
            message.value = header.value
            return message
        }
        func list(_ matchers: [StringMatcher]) -> Envoy_Type_Matcher_V3_ListStringMatcher {
            var message = Envoy_Type_Matcher_V3_ListStringMatcher()
            message.patterns = matchers.map { .init($0) }
            return message
        }
        // An empty list is none for Envoy, which wants one pattern at least.
        if !http.upstreamHeaders.isEmpty {
            authorizationResponse.allowedUpstreamHeaders = list(http.upstreamHeaders)
        }
        if !http.appendedHeaders.isEmpty {
            authorizationResponse.allowedUpstreamHeadersToAppend = list(http.appendedHeaders)
        }
        if !http.clientHeaders.isEmpty { authorizationResponse.allowedClientHeaders = list(http.clientHeaders) }
        if !http.notedHeaders.isEmpty { authorizationResponse.dynamicMetadataFromHeaders = list(http.notedHeaders) }
    }
}
