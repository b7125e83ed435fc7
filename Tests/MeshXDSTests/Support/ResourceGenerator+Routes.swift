// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// Whatever route tables can say.
extension ResourceGenerator {
    /// A value that our own rules take; another one is a mistake of the generator.
    static func valid<Value>(_ make: () throws -> Value) -> Value {
        do {
            return try make()
        } catch {
            preconditionFailure("the value is one of ours: \(error)")
        }
    }

    mutating func fraction() -> RuntimeFraction {
        RuntimeFraction(percent(), key: chance(30) ? "routing.share" : "")
    }

    mutating func substitution() -> RegexSubstitution {
        let expression = Self.valid { try RegularExpression(#"/(\w+)/(\d+)"#) }
        return RegexSubstitution(expression, substitution: pick([#"/\2/\1"#, "", #"\\\0"#, "/fixed"]))
    }

    mutating func headerMutations() -> HeaderMutations {
        guard chance(40) else { return .none }
        func addition(_ generator: inout Self) -> HeaderAddition {
            let texts = ["", "a", "100%%", "%PROTOCOL%", "from %REQ(x-user)%"]
            return HeaderAddition(
                HeaderName(generator.pick(["x-a", "x-b", "x-envoy-thing"])),
                Self.valid { try HeaderFormat(generator.pick(texts)) },
                action: generator.pick([
                    .appendIfExistsOrAdd, .addIfAbsent, .overwriteIfExistsOrAdd, .overwriteIfExists,
                ]),
                keepsEmptyValue: generator.chance()
            )
        }
        let names: [HeaderName] = ["x-a", "server", "cookie"]
        return HeaderMutations(
            requestAdditions: list(0...2, addition),
            requestRemovals: names.filter { _ in chance(30) },
            responseAdditions: list(0...2, addition),
            responseRemovals: names.filter { _ in chance(30) }
        )
    }

    mutating func mirror() -> RequestMirror {
        RequestMirror(
            chance() ? .cluster("shadow") : .header("x-shadow"),
            fraction: chance() ? RuntimeFraction(.all) : fraction(),
            appendsShadowSuffix: chance(),
            host: chance(30) ? "shadow.example" : ""
        )
    }

    mutating func hashPolicy() -> HashPolicy {
        let source: HashPolicy.Source =
            switch below(6) {
            case 0: .header("x-user", rewrite: chance() ? substitution() : nil)
            case 1:
                .cookie(
                    .init(
                        "session",
                        lifetime: chance() ? pick([.zero, .seconds(60)]) : nil,
                        path: pick(["", "/"]),
                        attributes: list(0...2) { .init($0.pick(["Secure", "SameSite"]), $0.pick(["", "Lax"])) }
                    )
                )
            case 2: .sourceAddress
            case 3: .queryParameter("user")
            case 4: .channel
            default: .filterState("some.key")
            }
        return HashPolicy(source, isTerminal: chance())
    }

    mutating func redirect() -> Redirect {
        Redirect(
            scheme: chance() ? pick(["https", "http", "ftp"]) : nil,
            host: chance() ? "elsewhere.example:8443" : nil,
            port: chance() ? 1 + below(65_535) : nil,
            path: pick([
                .unchanged, .whole("/new?x=1"), .rewritten(.prefix("/p")),
                .rewritten(.regularExpression(substitution())),
            ]),
            stripsQuery: chance(),
            status: pick(Redirect.Status.allCases)
        )
    }

    mutating func internalRedirects() -> InternalRedirectPolicy {
        InternalRedirectPolicy(
            maximumRedirects: UInt32(below(5)),
            statuses: Set([301, 302, 303, 307, 308].filter { _ in chance() } + [302]),
            predicates: [.previousRoutes, .allowListed(["a", "b"]), .safeCrossScheme].filter { _ in chance() },
            allowsCrossScheme: chance(),
            copiedHeaders: chance() ? ["x-copy", "x-other"] : []
        )
    }

    mutating func cors() -> CORSPolicy {
        CORSPolicy(
            origins: list(0...2) { $0.stringMatcher() },
            methods: pick(["", "GET, POST", "*"]),
            headers: pick(["", "content-type"]),
            exposedHeaders: pick(["", "x-a"]),
            maximumAge: pick(["", "24"]),
            allowsCredentials: pick([nil, true, false]),
            allowsPrivateNetwork: pick([nil, true, false]),
            forwardsOtherPreflights: chance(),
            enabled: chance() ? RuntimeFraction(.all) : fraction(),
            observed: chance() ? RuntimeFraction(.none) : fraction()
        )
    }

    mutating func metadataCondition(depth: Int = 0) -> MetadataMatcher.Condition {
        switch below(depth < 3 ? 8 : 6) {
        case 0: .null
        case 1: .equals(1.5)
        case 2: .range(start: -1, end: 100.25)
        case 3: .text(stringMatcher())
        case 4: .boolean(chance())
        case 5: .present(chance())
        case 6: .contains(metadataCondition(depth: depth + 1))
        default: .any((0..<2 + below(2)).map { _ in metadataCondition(depth: depth + 1) })
        }
    }

    mutating func routeMatch() -> RouteMatch {
        let path: PathMatcher =
            switch below(7) {
            case 0: .any
            case 1: PathMatcher(.exact("/" + word()), ignoresCase: chance())
            case 2: PathMatcher(.regularExpression(expression()))
            case 3: PathMatcher(.separatedPrefix("/api/v1"), ignoresCase: chance())
            case 4: PathMatcher(.template(Self.valid { try PathTemplate("/{country}/{rest=**}") }))
            case 5: PathMatcher(.connect)
            default: PathMatcher(.prefix(chance(20) ? "" : "/" + word()), ignoresCase: chance())
            }
        return RouteMatch(
            path: path,
            headers: list(0...3) { $0.headerMatcher() },
            queryParameters: list(0...1) { generator in
                QueryParameterMatcher(
                    "debug",
                    generator.chance() ? .present(generator.chance()) : .value(generator.stringMatcher())
                )
            },
            cookies: list(0...1) { CookieMatcher("session", $0.stringMatcher(), isInverted: $0.chance()) },
            isGRPCOnly: chance(20),
            fraction: chance(20) ? fraction() : nil,
            certificate: chance(20)
                ? CertificateCondition(isPresented: pick([nil, true, false]), isValidated: pick([nil, true])) : nil,
            metadata: list(0...1) { generator in
                MetadataMatcher(
                    filter: "envoy.filters.http.jwt_authn",
                    path: ["payload", "sub"],
                    generator.metadataCondition(),
                    isInverted: generator.chance()
                )
            }
        )
    }

    mutating func predicate(depth: Int = 0) -> MatcherPredicate {
        switch below(depth < 3 ? 5 : 2) {
        case 0, 1: .value(matcherInput(), stringMatcher())
        case 2: .any((0..<2 + below(2)).map { _ in predicate(depth: depth + 1) })
        case 3: .all((0..<2 + below(2)).map { _ in predicate(depth: depth + 1) })
        default: .not(predicate(depth: depth + 1))
        }
    }

    mutating func matcherInput() -> MatcherInput {
        pick([.header("x-user"), .queryParameter("debug"), .sourceAddress])
    }

    mutating func tree(depth: Int = 0) -> MatcherTree<VirtualHost.RouteList> {
        func outcome(_ generator: inout Self) -> MatcherTree<VirtualHost.RouteList>.Outcome {
            let step: MatcherTree<VirtualHost.RouteList>.Outcome.Step =
                depth < 2 && generator.chance(30)
                ? .tree(generator.tree(depth: depth + 1))
                : .action(.init(generator.list(0...2) { $0.route() }))
            return .init(step)
        }
        let root: MatcherTree<VirtualHost.RouteList>.Root
        switch below(3) {
        case 0: root = .list(list(1...2) { .init($0.predicate(), outcome(&$0)) })
        case 1: root = .exact(matcherInput(), ["a": outcome(&self), "b": outcome(&self)])
        default: root = .prefix(matcherInput(), ["/a": outcome(&self), "": outcome(&self)])
        }
        return .init(root, otherwise: chance() ? outcome(&self) : nil)
    }

    mutating func virtualHost(_ number: Int) -> VirtualHost {
        var domains: [DomainPattern] = [.exact("host\(number).example:80"), .suffix(".\(number).example")]
        if number == 0 { domains += [.prefix("www."), .any] }
        let hasTree = chance(20)
        return VirtualHost(
            name: "host \(number)",
            domains: domains,
            routes: hasTree ? [] : list(0...4) { $0.route() },
            matcher: hasTree ? tree() : nil,
            requiredTLS: pick([.none, .none, .external, .all]),
            virtualClusters: list(0...1) { .init("calls", headers: [$0.headerMatcher()]) },
            headers: headerMutations(),
            sendsAttemptCount: chance(20),
            answersAttemptCount: chance(20),
            sendsTimeoutRetry: chance(20),
            mirrors: list(0...1) { $0.mirror() },
            rateLimits: list(0...1) { $0.routeRateLimit() },
            filters: filterOverrides()
        )
    }

    mutating func routeConfiguration(_ name: String) -> RouteConfiguration {
        let hosts = below(4)
        return RouteConfiguration(
            name: name,
            virtualHosts: (0..<hosts).map { virtualHost($0) },
            headers: headerMutations(),
            mostSpecificHeadersWin: chance(20),
            internalOnlyHeaders: chance(20) ? ["x-internal"] : [],
            ignoresPort: chance(20),
            ignoresPathParameters: chance(20),
            mirrors: list(0...1) { $0.mirror() },
            filters: filterOverrides()
        )
    }
}
