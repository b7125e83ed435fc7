// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// One test of a route table: a request, and what the table must make of it.
///
/// The fields are those of Envoy's router check tool (`test/tools/router_check/validation.proto`), so that the tests of
/// a team run here as they are.
public struct RouteCheck: Hashable, Sendable {
    /// Its name, for reports.
    public var name: String
    /// The request.
    public var input: Input
    /// What must come of it.
    public var expectation: Expectation

    /// Creates a test.
    public init(_ name: String, input: Input, expectation: Expectation) {
        self.name = name
        self.input = input
        self.expectation = expectation
    }

    /// The request of a test (`ValidationInput`).
    public struct Input: Hashable, Sendable {
        /// A value of the metadata that filters note.
        public typealias Metadata = MetadataValue

        /// The authority.
        public var authority: String
        /// The path with its query.
        public var path: String
        /// The method. Default `GET`.
        public var method: String
        /// The request's random number: it chooses among weighted clusters and decides runtime fractions. Default 0.
        public var random: UInt64
        /// Whether the request came by TLS: its scheme and `x-forwarded-proto` are `https` then, else `http`.
        public var isSecure: Bool
        /// Whether the caller is of this mesh: the request has `x-envoy-internal: true` then.
        public var isInternal: Bool
        /// More header fields of the request.
        public var requestHeaders: PreviewedFields
        /// The header fields of the upstream's response, which the route changes.
        public var responseHeaders: PreviewedFields
        /// What filters noted, by their namespace.
        public var metadata: [String: Metadata]
        /// The only runtime key that is on; empty for none.
        ///
        /// A route with a runtime fraction matches only if its key is this one and `random` is within the share; of a
        /// share of 0, one part counts, so that a route that is off can be tested too.
        public var runtime: String

        /// Creates a request.
        public init(
            authority: String,
            path: String,
            method: String = "GET",
            random: UInt64 = 0,
            isSecure: Bool = false,
            isInternal: Bool = false,
            requestHeaders: PreviewedFields = [],
            responseHeaders: PreviewedFields = [],
            metadata: [String: Metadata] = [:],
            runtime: String = ""
        ) {
            self.authority = authority
            self.path = path
            self.method = method
            self.random = random
            self.isSecure = isSecure
            self.isInternal = isInternal
            self.requestHeaders = requestHeaders
            self.responseHeaders = responseHeaders
            self.metadata = metadata
            self.runtime = runtime
        }
    }

    /// What must come of a request (`ValidationAssert`); `nil` asks nothing, an empty name asks that there be none.
    public struct Expectation: Hashable, Sendable {
        /// The cluster's name; empty where nothing is forwarded.
        public var cluster: String?
        /// The virtual cluster's name; `other` where the virtual host has some and none fits.
        public var virtualCluster: String?
        /// The virtual host's name; empty where nothing is forwarded.
        public var virtualHost: String?
        /// The authority as the upstream sees it; empty where nothing is forwarded.
        public var authority: String?
        /// The path as the upstream sees it, query included; empty where nothing is forwarded.
        public var path: String?
        /// The URL that the caller is sent to; empty where it is not.
        public var location: String?
        /// The status code of a redirect or a direct response; 0 where there is none.
        public var status: UInt32?
        /// The route's time limit; zero for none.
        public var timeout: Nanoseconds?
        /// What the request's header fields must be once the route has changed them.
        public var requestHeaders: [HeaderMatcher]
        /// What the response's header fields must be once the route has changed them.
        public var responseHeaders: [HeaderMatcher]

        /// Creates an expectation; by default of nothing.
        public init(
            cluster: String? = nil,
            virtualCluster: String? = nil,
            virtualHost: String? = nil,
            authority: String? = nil,
            path: String? = nil,
            location: String? = nil,
            status: UInt32? = nil,
            timeout: Nanoseconds? = nil,
            requestHeaders: [HeaderMatcher] = [],
            responseHeaders: [HeaderMatcher] = []
        ) {
            self.cluster = cluster
            self.virtualCluster = virtualCluster
            self.virtualHost = virtualHost
            self.authority = authority
            self.path = path
            self.location = location
            self.status = status
            self.timeout = timeout
            self.requestHeaders = requestHeaders
            self.responseHeaders = responseHeaders
        }
    }
}
