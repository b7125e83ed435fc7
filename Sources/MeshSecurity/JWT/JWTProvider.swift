// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Who issues tokens, where requests carry them, and what of them is passed on
/// (`envoy.extensions.filters.http.jwt_authn.v3.JwtProvider`).
public struct JWTProvider: Hashable, Sendable {
    /// A header that carries a token.
    public struct HeaderLocation: Hashable, Sendable {
        /// The header.
        public var name: HeaderName
        /// What stands before the token; empty for nothing.
        public var valuePrefix: String

        /// Creates a location.
        public init(_ name: HeaderName, valuePrefix: String = "") {
            self.name = name
            self.valuePrefix = valuePrefix
        }
    }

    /// A claim that a header of the request gets.
    public struct ClaimHeader: Hashable, Sendable {
        /// The header. What the caller has written in it is taken away.
        public var header: HeaderName
        /// The claim: the names that lead to it, with dots between them.
        public var claim: String

        /// Creates a rule.
        public init(_ header: HeaderName, claim: String) {
            self.header = header
            self.claim = claim
        }
    }

    /// Where the keys come from.
    public enum Keys: Hashable, Sendable {
        /// The text of a key set (`local_jwks`).
        case text(String)
        /// A server has them (`remote_jwks`).
        case remote(RemoteKeys)
    }

    /// Its name, by which requirements mean it.
    public var name: String
    /// Who issues its tokens (`iss`); empty for anybody.
    public var issuer: String
    /// Whom its tokens have to be meant for: one of these; empty for anybody. Scheme and last slash count for nothing.
    public var audiences: [String]
    /// Whom its tokens may be about; `nil` for anybody.
    public var subjects: StringMatcher?
    /// Whether tokens have to expire. Default `false`.
    public var requiresExpiration: Bool
    /// How much longer tokens may hold, from now on; `nil` for any time. With a limit they have to expire.
    public var maximumLifetime: Nanoseconds?
    /// Where its keys come from.
    public var keys: Keys
    /// Whether the token stays in the request. Default `false`: it is taken out of its header or parameter.
    public var forwardsToken: Bool
    /// The headers that carry tokens.
    public var fromHeaders: [HeaderLocation]
    /// The query parameters that do.
    public var fromParameters: [String]
    /// The cookies that do.
    ///
    /// Without any of the three, tokens stand in `authorization` behind `Bearer `, or in the parameter `access_token`.
    public var fromCookies: [String]
    /// The header that gets the claims of a token that passes, in base 64; `nil` for none.
    public var payloadHeader: HeaderName?
    /// Whether those have padding. Default `false`.
    public var padsPayloadHeader: Bool
    /// The claims that get headers of their own.
    public var claimHeaders: [ClaimHeader]
    /// Under which name the claims are noted for filters that come later, in `envoy.filters.http.jwt_authn`; empty for none.
    public var claimsNote: String
    /// Under which name the token's header is; empty for none.
    public var headerNote: String
    /// Under which name it is why a token did not pass; empty for none.
    public var failureNote: String
    /// The claims that are noted as lists of what spaces part in them (`scope`).
    public var spaceDelimitedClaims: [String]
    /// How many seconds the issuer's clock may differ, at least 1. Default 60 (`clock_skew_seconds`).
    public var clockSkew: UInt32
    /// How many tokens that have passed are remembered, so that their signatures are not checked again. At least 1;
    /// default 100 (`jwt_cache_size`). Their times are checked again each time, and other keys forget them.
    public var cachedTokens: Int
    /// The most bytes that such a token has. Default 4096 (`jwt_max_token_size`).
    public var maximumCachedTokenBytes: Int

    /// The note that requests get about tokens.
    public static let metadataNamespace = "envoy.filters.http.jwt_authn"

    /// Creates a provider.
    public init(
        name: String,
        issuer: String = "",
        audiences: [String] = [],
        subjects: StringMatcher? = nil,
        requiresExpiration: Bool = false,
        maximumLifetime: Nanoseconds? = nil,
        keys: Keys,
        forwardsToken: Bool = false,
        fromHeaders: [HeaderLocation] = [],
        fromParameters: [String] = [],
        fromCookies: [String] = [],
        payloadHeader: HeaderName? = nil,
        padsPayloadHeader: Bool = false,
        claimHeaders: [ClaimHeader] = [],
        claimsNote: String = "",
        headerNote: String = "",
        failureNote: String = "",
        spaceDelimitedClaims: [String] = [],
        clockSkew: UInt32 = 60,
        cachedTokens: Int = 100,
        maximumCachedTokenBytes: Int = 4096
    ) {
        self.name = name
        self.issuer = issuer
        self.audiences = audiences
        self.subjects = subjects
        self.requiresExpiration = requiresExpiration
        self.maximumLifetime = maximumLifetime
        self.keys = keys
        self.forwardsToken = forwardsToken
        self.fromHeaders = fromHeaders
        self.fromParameters = fromParameters
        self.fromCookies = fromCookies
        self.payloadHeader = payloadHeader
        self.padsPayloadHeader = padsPayloadHeader
        self.claimHeaders = claimHeaders
        self.claimsNote = claimsNote
        self.headerNote = headerNote
        self.failureNote = failureNote
        self.spaceDelimitedClaims = spaceDelimitedClaims
        self.clockSkew = clockSkew
        self.cachedTokens = cachedTokens
        self.maximumCachedTokenBytes = maximumCachedTokenBytes
    }

    /// The headers that it writes; nobody else may.
    var writtenHeaders: [HeaderName] { (payloadHeader.map { [$0] } ?? []) + claimHeaders.map(\.header) }
}
