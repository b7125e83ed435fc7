// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity

extension ResourceGenerator {
    mutating func jwt() -> JWTFilter {
        JWTFilter(
            providers: ["a", "b"].map { provider($0) },
            rules: list(0...3) { generator in
                JWTFilter.Rule(
                    RouteMatch(path: PathMatcher(.prefix(generator.pick(["/", "/x"])))),
                    generator.chance() ? .named("r") : .inline(generator.requirement(depth: 0))
                )
            },
            requirements: ["r": requirement(depth: 0), "none": .none],
            bypassesPreflight: chance(),
            stripsFailure: chance()
        )
    }

    mutating func externalAuthorization() -> ExternalAuthorizationFilter {
        ExternalAuthorizationFilter(
            service: "authz",
            http: chance()
                ? nil
                : HTTPAuthorization(
                    pathPrefix: pick(["", "/check"]),
                    addedHeaders: list(0...1) { _ in .init("x-added", "1") },
                    upstreamHeaders: list(0...1) { _ in StringMatcher(.prefix("x-up-")) },
                    appendedHeaders: list(0...1) { _ in StringMatcher(.exact("x-more")) },
                    clientHeaders: list(0...1) { _ in StringMatcher(.suffix("-down")) },
                    notedHeaders: list(0...1) { _ in StringMatcher(.exact("x-note")) }
                ),
            timeout: .milliseconds(1 + UInt64(below(1000))),
            allowsOnFailure: chance(),
            marksFailure: chance(),
            failureStatus: pick([403, 503]),
            sentHeaders: list(0...2) { StringMatcher(.prefix($0.pick(["x-", "a"]))) },
            withheldHeaders: list(0...2) { StringMatcher(.exact($0.pick(["x-b", "cookie"]))) },
            metadataNamespaces: list(0...2) { $0.pick(["envoy.filters.http.jwt_authn", "acme"]) },
            enabled: fraction(),
            enabledMetadata: pick([nil, MetadataMatcher(filter: "f", path: ["k"], .text(StringMatcher(.prefix("p"))))]),
            deniesOthers: chance()
        )
    }

    private mutating func provider(_ name: String) -> JWTProvider {
        let remote = RemoteKeys(
            uri: "https://issuer.test/keys",
            cluster: pick(["", "outbound|443||issuer.test"]),
            timeout: .milliseconds(1 + UInt64(below(1000))),
            cacheDuration: .milliseconds(1 + UInt64(below(1000))),
            refetchDelay: .milliseconds(1 + UInt64(below(1000)))
        )
        let text = #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
        return JWTProvider(
            name: name,
            issuer: pick(["", "https://issuer.test"]),
            audiences: list(0...2) { $0.pick(["api", "https://api/"]) },
            subjects: pick([nil, StringMatcher(.prefix("user-"))]),
            requiresExpiration: chance(),
            maximumLifetime: pick([nil, .zero, .seconds(60)]),
            keys: chance() ? .text(text) : .remote(remote),
            forwardsToken: chance(),
            fromHeaders: list(0...2) { .init("x-token", valuePrefix: $0.pick(["", "Token "])) },
            fromParameters: list(0...1) { _ in "token" },
            fromCookies: list(0...1) { _ in "token" },
            payloadHeader: pick([nil, "x-payload"]),
            padsPayloadHeader: chance(),
            claimHeaders: list(0...2) { .init("x-claim", claim: $0.pick(["sub", "a.b"])) },
            claimsNote: pick(["", "payload"]),
            headerNote: pick(["", "header"]),
            failureNote: pick(["", "failure"]),
            spaceDelimitedClaims: list(0...2) { $0.pick(["scope", "permission"]) },
            clockSkew: 1 + UInt32(below(100)),
            cachedTokens: 1 + below(1000),
            maximumCachedTokenBytes: 1 + below(10_000)
        )
    }

    private mutating func requirement(depth: Int) -> JWTRequirement {
        switch below(depth < 2 ? 7 : 4) {
        case 0: .provider(pick(["a", "b"]))
        case 1: .providerForAudiences("a", ["api"])
        case 2: .allowMissing
        case 3: .allowMissingOrFailed
        case 4: .any(list(2...3) { $0.requirement(depth: depth + 1) })
        case 5: .all(list(2...3) { $0.requirement(depth: depth + 1) })
        default: depth == 0 ? .none : .provider("b")
        }
    }
}
