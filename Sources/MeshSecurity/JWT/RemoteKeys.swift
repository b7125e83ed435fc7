// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A key set that a server has (`envoy.extensions.filters.http.jwt_authn.v3.RemoteJwks`).
public struct RemoteKeys: Hashable, Sendable {
    /// Its address, with `http` or `https`. That of an issuer's OpenID Connect discovery document does as well, which names
    /// the set in `jwks_uri`: Istio's rules without `jwksUri` mean that.
    public var uri: String
    /// The cluster by which it is asked for; empty for the address's own host.
    public var cluster: String
    /// How long an answer may take. Default 5 s: Istio's `timeout` of JWT rules.
    public var timeout: Nanoseconds
    /// How long keys hold. Default 10 min (`cache_duration`).
    public var cacheDuration: Nanoseconds
    /// When it is asked again where it did not answer. Default 1 s (`failed_refetch_duration`).
    public var refetchDelay: Nanoseconds

    /// Creates the place of a set.
    public init(
        uri: String,
        cluster: String = "",
        timeout: Nanoseconds = .seconds(5),
        cacheDuration: Nanoseconds = .seconds(600),
        refetchDelay: Nanoseconds = .seconds(1)
    ) {
        self.uri = uri
        self.cluster = cluster
        self.timeout = timeout
        self.cacheDuration = cacheDuration
        self.refetchDelay = refetchDelay
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        let schemes = ["http://", "https://"]
        problems.require(
            schemes.contains { uri.utf8.starts(with: $0.utf8) && uri.utf8.count > $0.utf8.count }
                && uri.utf8.allSatisfy { (0x21...0x7E).contains($0) },
            "uri",
            "must be an address of http or https"
        )
        problems.require(timeout > .zero, "timeout", "must be more than 0")
        problems.require(cacheDuration >= .milliseconds(1), "cacheDuration", "must be 1 ms or more")
        problems.require(refetchDelay >= .milliseconds(1), "refetchDelay", "must be 1 ms or more")
        try problems.throwIfAny()
    }
}
