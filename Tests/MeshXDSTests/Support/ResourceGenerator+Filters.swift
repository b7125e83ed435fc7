// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// Whatever the filters beside faults and authorization can say.
extension ResourceGenerator {
    private mutating func value() -> RateLimitAction.Value {
        let texts = ["fixed", "%REQ(x-user)%"]
        return RateLimitAction.Value(
            Self.valid { try HeaderFormat(pick(texts)) },
            fallback: chance() ? "other" : ""
        )
    }

    private mutating func rateLimitAction() -> RateLimitAction {
        switch below(11) {
        case 0: .sourceCluster
        case 1: .destinationCluster
        case 2: .header("x-user", key: "user", skipsIfAbsent: chance())
        case 3: .queryParameter("user", key: "user", skipsIfAbsent: chance())
        case 4: .remoteAddress
        case 5: .maskedRemoteAddress(version4Bits: below(33), version6Bits: below(129))
        case 6: .text(value(), key: pick(["generic_key", "plan"]))
        case 7: .headerMatch([headerMatcher()], expects: chance(), value(), key: pick(["header_match", "kind"]))
        case 8:
            .queryMatch(
                [QueryParameterMatcher("debug")],
                expects: chance(),
                value(),
                key: pick(["query_match", "kind"])
            )
        case 9:
            .addressMatch(
                .init(
                    ["10.0.0.0", "2001:db8::"].compactMap { IPAddress($0) }.map {
                        AddressRange($0, length: 1 + below(32))
                    },
                    isInverted: chance()
                ),
                value()
            )
        default:
            .metadata(
                .init(
                    key: "plan",
                    filter: "acme.auth",
                    path: ["claims", "plan"],
                    fallback: chance() ? "free" : "",
                    source: pick([.request, .route]),
                    skipsIfAbsent: chance()
                )
            )
        }
    }

    /// - Parameter isEmbedded: Whether it stands in a filter, where stages and keys mean nothing.
    mutating func routeRateLimit(isEmbedded: Bool = false) -> RouteRateLimit {
        let format = Self.valid { try HeaderFormat("%REQ(x-hits)%") }
        return RouteRateLimit(
            list(1...3) { $0.rateLimitAction() },
            stage: isEmbedded ? 0 : below(11),
            disableKey: isEmbedded || chance() ? "" : "key",
            limit: pick([
                nil, .fixed(.init(requestsPerUnit: 7, unit: pick([.second, .minute, .hour, .day, .month, .year]))),
                .metadata(filter: "acme", path: ["limit"]),
            ]),
            hits: pick([nil, .number(UInt64(below(1_000_000_001))), .format(format)]),
            refunds: chance(20),
            appliesAtEnd: chance(20),
            headers: pick([nil, .off, .draft03])
        )
    }

    private mutating func bucket() -> LocalRateLimitConfiguration.Bucket {
        .init(
            maximumTokens: 1 + UInt32(below(1000)),
            tokensPerFill: 1 + UInt32(below(10)),
            fillInterval: .milliseconds(50 + UInt64(below(10_000)))
        )
    }

    private mutating func additions() -> [HeaderAddition] {
        let value = Self.valid { try HeaderFormat("a") }
        return chance() ? [HeaderAddition("x-limit", value, action: .overwriteIfExistsOrAdd)] : []
    }

    mutating func localRateLimit() -> LocalRateLimitFilter {
        LocalRateLimitFilter(
            LocalRateLimitConfiguration(
                bucket: bucket(),
                limits: (0..<below(3)).map { number in
                    .init(
                        [.init("user", chance() ? "" : "u\(number)"), .init("number", "\(number)")],
                        bucket: bucket(),
                        isShadow: chance()
                    )
                },
                alwaysUsesCommonBucket: chance(),
                maximumDynamicLimits: 1 + below(100),
                refusalStatus: pick([429, 503]),
                headers: pick([.off, .draft03]),
                sendsRetryAfter: chance(),
                refusesAsResourceExhausted: chance()
            ),
            rateLimits: list(0...2) { $0.routeRateLimit(isEmbedded: true) },
            stage: below(11),
            hostLimits: pick(HostRateLimits.allCases),
            enabled: fraction(),
            enforced: fraction(),
            responseAdditions: additions(),
            requestAdditions: additions()
        )
    }

    mutating func globalRateLimit() -> GlobalRateLimitFilter {
        GlobalRateLimitFilter(
            GlobalRateLimitConfiguration(
                domain: "shop",
                service: "limits",
                timeout: .milliseconds(1 + UInt64(below(1000))),
                refusesOnFailure: chance(),
                refusalStatus: pick([429, 403]),
                failureStatus: pick([500, 503]),
                marksRefusals: chance(),
                headers: pick([.off, .draft03]),
                sendsRetryAfter: chance(),
                refusesAsResourceExhausted: chance(),
                metadataNamespace: pick(["envoy.filters.http.ratelimit", "acme"])
            ),
            rateLimits: list(0...2) { $0.routeRateLimit(isEmbedded: true) },
            stage: below(11),
            requests: pick(GlobalRateLimitFilter.Requests.allCases),
            enabled: fraction(),
            enforced: fraction(),
            refusedOnFailure: chance() ? fraction() : nil,
            responseAdditions: additions()
        )
    }

    mutating func mutationRules() -> HeaderMutationRules {
        func rule(_ generator: inout Self) -> HeaderMutationRule {
            let value = Self.valid { try HeaderFormat("%REQ(x-user)%") }
            return generator.chance() ? .remove("x-a") : .add(HeaderAddition("x-b", value, action: .addIfAbsent))
        }
        return HeaderMutationRules(request: list(0...3, rule), response: list(0...3, rule))
    }

    mutating func session() -> StatefulSessionFilter {
        let state: SessionState? = pick([
            nil, .header("x-session"),
            .cookie(.init("s", lifetime: pick([.zero, .seconds(60)]), path: "/", attributes: [.init("Secure")])),
        ])
        return StatefulSessionFilter(state, isStrict: chance(), statusIfUnknown: pick([503, 410]))
    }

    /// A filter of one of these kinds.
    mutating func filter() -> HTTPFilter {
        switch below(7) {
        case 4: .jwt(jwt())
        case 5: .externalAuthorization(externalAuthorization())
        case 0: .localRateLimit(localRateLimit())
        case 1: .globalRateLimit(globalRateLimit())
        case 2: .headerMutation(HeaderMutationFilter(mutationRules(), mostSpecificWins: chance()))
        case 3: .buffer(BufferFilter(maximumRequestBytes: 1 + UInt32(below(1000))))
        default: .statefulSession(session())
        }
    }

    /// What a place says in place of the listener. A local rate limit that is switched off is off in both its forms, which
    /// is for a test of its own.
    mutating func filterOverrides() -> FilterOverrides {
        guard chance(25) else { return .none }
        return FilterOverrides(
            localRateLimit: chance() ? .settings(localRateLimit()) : nil,
            globalRateLimit: pick([
                nil, .disabled,
                .settings(
                    .init(
                        hostLimits: pick(HostRateLimits.allCases),
                        rateLimits: list(0...1) { $0.routeRateLimit(isEmbedded: true) },
                        domain: pick(["", "other"])
                    )
                ),
            ]),
            headerMutation: pick([nil, .disabled, .settings(mutationRules())]),
            buffer: pick([nil, .disabled, .settings(BufferFilter(maximumRequestBytes: 7))]),
            statefulSession: pick([nil, .disabled, .settings(session())]),
            authorization: authorizationOverrides(),
            jwt: pick([nil, .disabled, .settings("r")]),
            externalAuthorization: pick([nil, .disabled, .settings(["a": "b"])])
        )
    }
}
