// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting
import Testing

/// What the fields of Istio's rules become, each as istiod writes it for a sidecar.
@Suite("Fields of rules")
struct RouteFieldTests {
    private static func virtualService(_ http: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews]
          http:
        \(http)

        """
    }

    private static func routes(_ http: String) throws -> [Route] {
        let compilation = Compilation(virtualService(http))
        #expect(compilation.diagnostics.map(\.description) == [])
        #expect(throws: Never.self) { try compilation.resources.validate() }
        return try #require(compilation.routes("reviews"))
    }

    private static func forward(_ http: String) throws -> RouteAction.Forward {
        guard case .forward(let forward) = try routes(http).first?.action else {
            throw ConfigurationError(path: "", "the route does not forward")
        }
        return forward
    }

    @Test
    func `query parameters are asked for as Istio asks`() throws {
        let route = try #require(
            try Self.routes(
                """
                  - match: [{queryParams: {b: {exact: x}, a: {prefix: y}, c: {regex: "z+"}, d: {}, e: {regex: "*"}}}]
                    route: [{destination: {host: reviews}}]
                """
            ).first
        )
        let expression = try RegularExpression("z+")
        #expect(
            route.match.queryParameters == [
                QueryParameterMatcher("a", .value(StringMatcher(.prefix("y")))),
                QueryParameterMatcher("b", .value(StringMatcher(.exact("x")))),
                QueryParameterMatcher("c", .value(StringMatcher(.regularExpression(expression)))),
                QueryParameterMatcher("d"),
                QueryParameterMatcher("e"),
            ]
        )
    }

    @Test
    func `a path's prefix ends anywhere, an empty one is everything, and an expression for all stays one`() throws {
        let routes = try Self.routes(
            """
              - match: [{uri: {prefix: /a}}, {uri: {prefix: ""}}, {uri: {regex: ".*"}}, {uri: {}}]
                route: [{destination: {host: reviews}}]
            """
        )
        // With a rewrite it counts what was matched: all of the path by the expression, its slash by none.
        let expression = try RegularExpression(".*")
        let paths: [PathMatcher.Pattern] = [.prefix("/a"), .prefix(""), .regularExpression(expression), .prefix("/")]
        #expect(routes.map(\.match.path.pattern) == paths)
    }

    @Test
    func `headers are set, then added, in the order of their names, and the host becomes a rewrite`() throws {
        let route = try #require(
            try Self.routes(
                """
                  - headers:
                      request:
                        set: {x-b: "%REQ(:path)%", Host: new.example.com, X-A: a}
                        add: {x-a: c}
                        remove: [X-D, x-e]
                      response:
                        set: {x-f: g}
                        add: {x-h: i}
                        remove: [server]
                    route: [{destination: {host: reviews}}]
                """
            ).first
        )
        #expect(
            route.headers
                == HeaderMutations(
                    requestAdditions: [
                        HeaderAddition("x-a", try HeaderFormat("a"), action: .overwriteIfExistsOrAdd),
                        HeaderAddition("x-b", try HeaderFormat("%REQ(:path)%"), action: .overwriteIfExistsOrAdd),
                        HeaderAddition("x-a", try HeaderFormat("c"), action: .appendIfExistsOrAdd),
                    ],
                    requestRemovals: ["x-d", "x-e"],
                    responseAdditions: [
                        HeaderAddition("x-f", try HeaderFormat("g"), action: .overwriteIfExistsOrAdd),
                        HeaderAddition("x-h", try HeaderFormat("i"), action: .appendIfExistsOrAdd),
                    ],
                    responseRemovals: ["server"]
                )
        )
        guard case .forward(let forward) = route.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(forward.hostRewrite == .literal("new.example.com"))
    }

    @Test
    func `headers of the only destination come after the rule's, and its host only where the rule has none`() throws {
        let own = "{request: {set: {x-a: own, host: own.example.com}}, response: {remove: [x-b]}}"
        let route = try #require(
            try Self.routes(
                """
                  - headers: {request: {set: {x-a: rule, host: rule.example.com}}, response: {remove: [x-c]}}
                    route: [{destination: {host: reviews}, headers: \(own)}]
                """
            ).first
        )
        #expect(route.headers.requestAdditions.map(\.value.text) == ["rule", "own"])
        #expect(route.headers.responseRemovals == ["x-c", "x-b"])
        guard case .forward(let forward) = route.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(forward.hostRewrite == .literal("rule.example.com"))
        #expect(forward.shares.map(\.headers) == [.none])
        let alone = try Self.forward("  - route: [{destination: {host: reviews}, headers: \(own)}]")
        #expect(alone.hostRewrite == .literal("own.example.com"))
    }

    @Test
    func `headers of several destinations stand on their shares`() throws {
        let forward = try Self.forward(
            """
              - rewrite: {authority: all.example.com}
                route:
                - destination: {host: reviews}
                  weight: 90
                  headers: {request: {add: {x-share: a, ":authority": a.example.com}}}
                - destination: {host: ratings}
                  weight: 10
            """
        )
        #expect(forward.hostRewrite == .literal("all.example.com"))
        #expect(
            forward.shares == [
                WeightedCluster(
                    Bookinfo.cluster("reviews"),
                    weight: 90,
                    headers: HeaderMutations(requestAdditions: [HeaderAddition("x-share", try HeaderFormat("a"))]),
                    host: "a.example.com"
                ),
                WeightedCluster(Bookinfo.cluster("ratings"), weight: 10),
            ]
        )
    }

    @Test
    func `rewrites change the matched part of the path, or every match of an expression, and the host`() throws {
        let plain = try Self.forward(
            """
              - match: [{uri: {prefix: /ratings}}]
                rewrite: {uri: /v1/bookRatings, authority: ratings.example.com}
                route: [{destination: {host: ratings}}]
            """
        )
        #expect(plain.pathRewrite == .prefix("/v1/bookRatings"))
        #expect(plain.hostRewrite == .literal("ratings.example.com"))
        #expect(!plain.appendsForwardedHost)
        let regex = try Self.forward(
            #"""
              - rewrite: {uriRegexRewrite: {match: "^/service/([^/]+)(/.*)$", rewrite: "\\2/instance/\\1"}}
                route: [{destination: {host: ratings}}]
            """#
        )
        let expression = try RegularExpression("^/service/([^/]+)(/.*)$")
        let substitution = RegexSubstitution(expression, substitution: #"\2/instance/\1"#)
        #expect(regex.pathRewrite == .regularExpression(substitution))
        #expect(regex.hostRewrite == nil)
    }

    @Test(
        arguments: [
            ("uri: /v1", Redirect(path: .whole("/v1"))),
            ("authority: b.example.com", Redirect(host: "b.example.com")),
            ("prefixRewrite: /new", Redirect(path: .rewritten(.prefix("/new")))),
            ("scheme: https, redirectCode: 302", Redirect(scheme: "https", status: .found)),
            ("uri: /, redirectCode: 303", Redirect(path: .whole("/"), status: .seeOther)),
            ("uri: /, redirectCode: 307", Redirect(path: .whole("/"), status: .temporaryRedirect)),
            ("uri: /, redirectCode: 308", Redirect(path: .whole("/"), status: .permanentRedirect)),
            ("port: 8080", Redirect(port: 8080)),
            ("derivePort: FROM_REQUEST_PORT", Redirect(port: 9080)),
            ("derivePort: FROM_PROTOCOL_DEFAULT", Redirect()),
            // A port that the scheme stands for is not written.
            ("port: 80", Redirect()),
            ("port: 443", Redirect(port: 443)),
            ("port: 443, scheme: https", Redirect(scheme: "https")),
            ("port: 80, scheme: https", Redirect(scheme: "https", port: 80)),
        ]
    )
    func `redirects send callers where Istio sends them`(fields: String, expected: Redirect) throws {
        #expect(try Self.routes("  - redirect: {\(fields)}").map(\.action) == [.redirect(expected)])
    }

    @Test
    func `an answer may be given in base64`() throws {
        let routes = try Self.routes("  - directResponse: {status: 200, body: {bytes: bm90aGluZyDDpA==}}")
        #expect(routes.map(\.action) == [.directResponse(LocalReply(status: 200, body: "nothing ä"))])
    }

    @Test
    func `CORS stands on the route`() throws {
        let expression = try RegularExpression("https://.*\\.example\\.net")
        let route = try #require(
            try Self.routes(
                #"""
                  - corsPolicy:
                      allowOrigins: [{exact: "https://a.example.com"}, {prefix: "https://b"}, {regex: "https://.*\\.example\\.net"}]
                      allowMethods: [POST, GET]
                      allowHeaders: [x-foo-bar, x-other]
                      exposeHeaders: [x-shown]
                      maxAge: 24h
                      allowCredentials: false
                      unmatchedPreflights: IGNORE
                    route: [{destination: {host: reviews}}]
                """#
            ).first
        )
        #expect(
            route.cors
                == CORSPolicy(
                    origins: [
                        StringMatcher(.exact("https://a.example.com")), StringMatcher(.prefix("https://b")),
                        StringMatcher(.regularExpression(expression)),
                    ],
                    methods: "POST,GET",
                    headers: "x-foo-bar,x-other",
                    exposedHeaders: "x-shown",
                    maximumAge: "86400",
                    allowsCredentials: false,
                    forwardsOtherPreflights: false
                )
        )
        let older = Compilation(
            Self.virtualService("  - corsPolicy: {allowOrigin: [\"*\"]}\n    route: [{destination: {host: reviews}}]")
        )
        #expect(older.routes("reviews")?.first?.cors == CORSPolicy(origins: [StringMatcher(.exact("*"))]))
    }

    @Test
    func `faults may answer with a status of gRPC`() throws {
        let route = try #require(
            try Self.routes(
                """
                  - fault: {abort: {grpcStatus: UNAUTHENTICATED, percentage: {value: 25}}}
                    route: [{destination: {host: reviews}}]
                """
            ).first
        )
        let share = FractionalPercent(numerator: 25)
        #expect(route.fault == FaultConfiguration(abort: .init(grpcStatus: 16, percentage: share)))
    }

    @Test
    func `conditions of retries that nothing can meet retry nothing`() {
        let text = Self.virtualService(
            """
              - retries: {attempts: 3, retryOn: "retriable-headers,http3-post-connect-failure"}
                route: [{destination: {host: reviews}}]
            """
        )
        let compilation = Compilation(text)
        guard case .forward(let forward) = compilation.routes("reviews")?.first?.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(forward.retry == nil)
        #expect(compilation.places == ["7:38 MM0212", "7:56 MM0212"])
    }
}
