// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// A service that says who may pass (`envoy.extensions.filters.http.ext_authz.v3.ExtAuthz`), asked over gRPC or HTTP.
public struct ExternalAuthorizationFilter: Hashable, Sendable {
    /// The service: over gRPC the name that it is known by in this process, over HTTP the cluster.
    public var service: String
    /// How it is asked over HTTP; `nil` for gRPC.
    public var http: HTTPAuthorization?
    /// How long an answer may take. Default 200 ms (`GrpcService.timeout`).
    public var timeout: Nanoseconds
    /// Whether requests pass while the service does not answer. Default `false` (`failure_mode_allow`).
    public var allowsOnFailure: Bool
    /// Whether those get `x-envoy-auth-failure-mode-allowed: true`. Default `false` (`failure_mode_allow_header_add`).
    public var marksFailure: Bool
    /// The status while it does not answer, and where it says only that a request may not pass. Default 403
    /// (`status_on_error`).
    public var failureStatus: Int
    /// The headers that it sees (`allowed_headers`). Empty for all over gRPC, and for `authorization` over HTTP, which is
    /// there in any case.
    public var sentHeaders: [StringMatcher]
    /// The headers that it does not see, whatever else is said (`disallowed_headers`).
    public var withheldHeaders: [StringMatcher]
    /// The notes of other filters that it sees, by their namespaces (`metadata_context_namespaces`).
    public var metadataNamespaces: [String]
    /// The share of requests that it is asked about. Default: all (`filter_enabled`).
    public var enabled: RuntimeFraction
    /// What must be noted of a request that it is asked about; `nil` for anything (`filter_enabled_metadata`).
    public var enabledMetadata: MetadataMatcher?
    /// Whether requests that it is not asked about by `enabled` are refused. Default `false` (`deny_at_disable`).
    public var deniesOthers: Bool
    /// The name of the filter on its listener, under which its answers' notes stand.
    public static let standardName = "envoy.filters.http.ext_authz"

    /// Creates a filter.
    public init(
        service: String,
        http: HTTPAuthorization? = nil,
        timeout: Nanoseconds = .milliseconds(200),
        allowsOnFailure: Bool = false,
        marksFailure: Bool = false,
        failureStatus: Int = 403,
        sentHeaders: [StringMatcher] = [],
        withheldHeaders: [StringMatcher] = [],
        metadataNamespaces: [String] = [],
        enabled: RuntimeFraction = RuntimeFraction(.all),
        enabledMetadata: MetadataMatcher? = nil,
        deniesOthers: Bool = false
    ) {
        self.service = service
        self.http = http
        self.timeout = timeout
        self.allowsOnFailure = allowsOnFailure
        self.marksFailure = marksFailure
        self.failureStatus = failureStatus
        self.sentHeaders = sentHeaders
        self.withheldHeaders = withheldHeaders
        self.metadataNamespaces = metadataNamespaces
        self.enabled = enabled
        self.enabledMetadata = enabledMetadata
        self.deniesOthers = deniesOthers
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!service.isEmpty, "service", "must not be empty")
        problems.require(timeout > .zero, "timeout", "must be more than 0")
        problems.require((200...599).contains(failureStatus), "failureStatus", "must be from 200 to 599")
        try problems.throwIfAny()
    }
}
