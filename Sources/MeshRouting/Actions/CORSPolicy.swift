// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which pages of other origins may use a route (`envoy.extensions.filters.http.cors.v3.CorsPolicy`).
public struct CORSPolicy: Hashable, Sendable {
    /// The origins; a request whose `origin` none of them matches is not theirs.
    public var origins: [StringMatcher]
    /// The value of `access-control-allow-methods`; empty for none.
    public var methods: String
    /// The value of `access-control-allow-headers`; empty for none.
    public var headers: String
    /// The value of `access-control-expose-headers`; empty for none.
    public var exposedHeaders: String
    /// The value of `access-control-max-age`; empty for none.
    public var maximumAge: String
    /// Whether credentials may be sent along; `nil` says nothing.
    public var allowsCredentials: Bool?
    /// Whether pages of the public network may ask; `nil` says nothing.
    public var allowsPrivateNetwork: Bool?
    /// Whether a preflight request of another origin is sent on. Default `true`, as Envoy's.
    public var forwardsOtherPreflights: Bool
    /// The share of requests for which the policy is in force. Default: all.
    public var enabled: RuntimeFraction
    /// The share of requests for which it is only counted what it would have found, where it is not in force.
    public var observed: RuntimeFraction

    /// Creates a policy.
    public init(
        origins: [StringMatcher],
        methods: String = "",
        headers: String = "",
        exposedHeaders: String = "",
        maximumAge: String = "",
        allowsCredentials: Bool? = nil,
        allowsPrivateNetwork: Bool? = nil,
        forwardsOtherPreflights: Bool = true,
        enabled: RuntimeFraction = RuntimeFraction(.all),
        observed: RuntimeFraction = RuntimeFraction(.none)
    ) {
        self.origins = origins
        self.methods = methods
        self.headers = headers
        self.exposedHeaders = exposedHeaders
        self.maximumAge = maximumAge
        self.allowsCredentials = allowsCredentials
        self.allowsPrivateNetwork = allowsPrivateNetwork
        self.forwardsOtherPreflights = forwardsOtherPreflights
        self.enabled = enabled
        self.observed = observed
    }
}
