// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How a service that says who may pass is asked over HTTP (`envoy.extensions.filters.http.ext_authz.v3.HttpService`): by
/// the request's own method and path, without its body. The status says it: 200 lets the request pass, 5xx is a failure.
public struct HTTPAuthorization: Hashable, Sendable {
    /// What stands before the request's path. Default empty.
    public var pathPrefix: String
    /// Headers that the question gets (`headers_to_add`).
    public var addedHeaders: [LocalReply.Header]
    /// The headers of an answer that replace those of the request; empty for none (`allowed_upstream_headers`).
    public var upstreamHeaders: [StringMatcher]
    /// Those that come behind the request's, where it has them (`allowed_upstream_headers_to_append`).
    public var appendedHeaders: [StringMatcher]
    /// The headers of a refusal that the caller gets; empty for all (`allowed_client_headers`).
    public var clientHeaders: [StringMatcher]
    /// The headers of an answer that are noted for later filters; empty for none (`dynamic_metadata_from_headers`).
    public var notedHeaders: [StringMatcher]

    /// Creates a way to ask.
    public init(
        pathPrefix: String = "",
        addedHeaders: [LocalReply.Header] = [],
        upstreamHeaders: [StringMatcher] = [],
        appendedHeaders: [StringMatcher] = [],
        clientHeaders: [StringMatcher] = [],
        notedHeaders: [StringMatcher] = []
    ) {
        self.pathPrefix = pathPrefix
        self.addedHeaders = addedHeaders
        self.upstreamHeaders = upstreamHeaders
        self.appendedHeaders = appendedHeaders
        self.clientHeaders = clientHeaders
        self.notedHeaders = notedHeaders
    }
}
