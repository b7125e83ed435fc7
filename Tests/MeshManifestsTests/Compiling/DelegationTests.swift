// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting
import Testing

@Suite("Delegation")
struct DelegationTests {
    /// A manifest that delegates, in root.yaml; its rules begin in line 7.
    private static func root(_ http: String) -> ManifestFile {
        ManifestFile(
            name: "root.yaml",
            text: """
                apiVersion: networking.istio.io/v1
                kind: VirtualService
                metadata: {name: reviews}
                spec:
                  hosts: [reviews]
                  http:
                \(http)
                """
        )
    }

    /// A manifest without hosts, in team.yaml; its rules begin in line 6.
    private static func delegate(_ http: String, namespace: String = "default", more: String = "") -> ManifestFile {
        ManifestFile(
            name: "team.yaml",
            text: """
                apiVersion: networking.istio.io/v1
                kind: VirtualService
                metadata: {name: team, namespace: \(namespace)}
                spec:
                  http:
                \(http)
                \(more)
                """
        )
    }

    private static let route = "route: [{destination: {host: reviews}}]"

    /// Istio's own example, but for the hosts: a path's prefix is delegated to another namespace, the rest to one's own.
    @Test
    func `rules of another namespace take the place of the one that delegates`() throws {
        let files = [
            Self.root(
                """
                  - match: [{uri: {prefix: /productpage}}]
                    delegate: {name: team, namespace: nsA}
                  - match: [{uri: {prefix: /reviews}}]
                    route: [{destination: {host: reviews}}]
                """.replacing("nsA", with: "team-a")
            ),
            Self.delegate(
                """
                  - match: [{uri: {prefix: /productpage/v1}}]
                    route: [{destination: {host: ratings}}]
                  - route: [{destination: {host: details.default.svc.cluster.local}}]
                """,
                namespace: "team-a"
            ),
        ]
        let compilation = Compilation(files)
        let ratings = "outbound|9080||ratings.team-a.svc.cluster.local"
        #expect(
            compilation.routes("reviews") == [
                // A short host belongs to the namespace of the manifest that it stands in.
                try Bookinfo.forward(
                    "team-a/team/1",
                    [(ratings, 1)],
                    match: RouteMatch(path: PathMatcher(.prefix("/productpage/v1")))
                ),
                try Bookinfo.forward(
                    "team-a/team/2",
                    [(Bookinfo.cluster("details"), 1)],
                    match: RouteMatch(path: PathMatcher(.prefix("/productpage")))
                ),
                try Bookinfo.forward(
                    "default/reviews/2",
                    [(Bookinfo.cluster("reviews"), 1)],
                    match: RouteMatch(path: PathMatcher(.prefix("/reviews")))
                ),
            ]
        )
        #expect(compilation.places == ["7:34 MM0301"])
        #expect(Compilation(files.reversed()).resources == compilation.resources)
    }

    @Test
    func `conditions of both hold, one route for each pair that fits`() throws {
        let files = [
            Self.root(
                """
                  - name: root
                    match:
                    - name: a
                      uri: {prefix: /a}
                      headers: {x-one: {exact: "1"}}
                      queryParams: {q: {prefix: v}}
                      withoutHeaders: {x-bot: {}}
                      port: 9080
                    - uri: {prefix: /b}
                    delegate: {name: team}
                """
            ),
            Self.delegate(
                """
                  - name: team
                    match:
                    - name: own
                      uri: {exact: /a/1}
                      method: {exact: GET}
                      headers: {x-two: {}}
                      queryParams: {q: {exact: v2}}
                    - headers: {x-three: {regex: "3+"}}
                    \(Self.route)
                """
            ),
        ]
        let three = HeaderMatcher("x-three", .value(StringMatcher(.regularExpression(try RegularExpression("3+")))))
        let one = HeaderMatcher("x-one", .value(StringMatcher(.exact("1"))))
        let bot = HeaderMatcher("x-bot", .present(true), isInverted: true)
        let routes = try #require(Compilation(files).routes("reviews"))
        #expect(routes.map(\.name) == ["root-team.a-own", "root-team.a", "root-team"])
        #expect(
            routes.map(\.match) == [
                RouteMatch(
                    path: PathMatcher(.exact("/a/1")),
                    headers: [
                        HeaderMatcher(":method", .value(StringMatcher(.exact("GET")))), one,
                        HeaderMatcher("x-two", .present(true)), bot,
                    ],
                    queryParameters: [QueryParameterMatcher("q", .value(StringMatcher(.exact("v2"))))]
                ),
                RouteMatch(
                    path: PathMatcher(.prefix("/a")),
                    headers: [one, three, bot],
                    queryParameters: [QueryParameterMatcher("q", .value(StringMatcher(.prefix("v"))))]
                ),
                RouteMatch(path: PathMatcher(.prefix("/b")), headers: [three]),
            ]
        )
    }

    @Test(
        arguments: [
            ("uri: {prefix: /a/b}", "uri: {prefix: /a}"), ("uri: {exact: /a}", "uri: {exact: /b}"),
            ("uri: {exact: /a}", "uri: {prefix: /a}"), ("uri: {prefix: /a}", "uri: {regex: '/a.*'}"),
            ("uri: {regex: '/a.*'}", "uri: {exact: /a}"),
            ("uri: {prefix: /a}", "uri: {prefix: /a}, ignoreUriCase: true"),
            ("method: {exact: GET}", "method: {exact: PUT}"), ("scheme: {exact: http}", "scheme: {exact: https}"),
            ("authority: {prefix: a}", "authority: {prefix: b}"),
            ("headers: {x: {exact: a}}", "headers: {x: {exact: b}}"), ("headers: {x: {}}", "headers: {x: {exact: b}}"),
            ("withoutHeaders: {x: {exact: a}}", "withoutHeaders: {x: {exact: b}}"),
            ("queryParams: {x: {exact: a}}", "queryParams: {x: {prefix: a}}"), ("port: 9080", "port: 80"),
            ("sourceNamespace: default", "sourceNamespace: shop"), ("sourceNamespace: default", "uri: {exact: /}"),
            ("sourceLabels: {a: b}", "sourceLabels: {a: c}"), ("gateways: [mesh]", "gateways: [mesh, edge]"),
        ]
    )
    func `a rule whose conditions do not lie within the root's is left out, and that is reported`(
        root: String,
        delegate: String
    ) {
        let files = [
            Self.root("  - match: [{\(root)}]\n    delegate: {name: team}\n  - {name: rest, \(Self.route)}"),
            Self.delegate("  - match: [{\(delegate)}]\n    \(Self.route)"),
        ]
        let compilation = Compilation(files)
        #expect(compilation.routes("reviews")?.map(\.name) == ["rest"])
        #expect(compilation.diagnostics.map(\.code) == [.unreachableRule])
        #expect(compilation.diagnostics.map(\.file) == ["team.yaml"])
        #expect(compilation.diagnostics.map(\.line) == [6])
    }

    @Test
    func `what the delegate leaves out is said by the root, and what it says stays`() throws {
        let settings = """
            timeout: 3s
                retries: {attempts: 1}
                fault: {abort: {httpStatus: 500, percentage: {value: 100}}}
                rewrite: {uri: /root}
                headers: {response: {set: {x-root: a}}}
                corsPolicy: {allowOrigins: [{exact: root}]}
                mirror: {host: ratings}
                mirrorPercentage: {value: 5}
            """
        let silent = [
            Self.root("  - delegate: {name: team}\n    \(settings)"), Self.delegate("  - \(Self.route)"),
        ]
        let direct = try #require(
            Compilation([Self.root("  - \(Self.route)\n    \(settings)")]).routes("reviews")?.first
        )
        var inherited = try #require(Compilation(silent).routes("reviews")?.first)
        #expect(inherited.name == "default/team/1")
        inherited.name = direct.name
        #expect(inherited == direct)
        let own = [
            Self.root("  - delegate: {name: team}\n    \(settings)"),
            Self.delegate(
                """
                  - \(Self.route)
                    timeout: 0s
                    retries: {attempts: 0}
                    fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}}
                    rewrite: {authority: team}
                    headers: {}
                    corsPolicy: {allowOrigins: [{exact: team}]}
                    mirror: {host: details}
                """
            ),
        ]
        let route = try #require(Compilation(own).routes("reviews")?.first)
        guard case .forward(let forward) = route.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(forward.timeout == nil && forward.retry == nil && forward.pathRewrite == nil)
        #expect(forward.hostRewrite == .literal("team"))
        #expect(route.fault?.abort == nil && route.fault?.delay != nil)
        #expect(route.headers == .none)
        #expect(route.cors?.origins == [StringMatcher(.exact("team"))])
        // Istio keeps the share apart from the destination.
        let share = RuntimeFraction(FractionalPercent(numerator: 5))
        #expect(forward.mirrors == [RequestMirror(.cluster(Bookinfo.cluster("details")), fraction: share)])
    }

    @Test
    func `an answer of the root comes before the delegate's destinations, and not before its redirects`() throws {
        let files = [
            Self.root("  - delegate: {name: team}\n    directResponse: {status: 503}"),
            Self.delegate("  - match: [{uri: {exact: /}}]\n    redirect: {uri: /home}\n  - \(Self.route)"),
        ]
        let actions = [
            RouteAction.redirect(Redirect(path: .whole("/home"))), .directResponse(LocalReply(status: 503)),
        ]
        #expect(Compilation(files).routes("reviews")?.map(\.action) == actions)
    }

    @Test
    func `several may delegate to one`() {
        let files = [
            Self.root(
                """
                  - {match: [{uri: {prefix: /a}}], name: a, delegate: {name: team}}
                  - {match: [{uri: {prefix: /b}}], name: b, delegate: {name: team}}
                """
            ),
            Self.delegate("  - {name: team, \(Self.route)}"),
        ]
        let compilation = Compilation(files)
        #expect(compilation.routes("reviews")?.map(\.name) == ["a-team", "b-team"])
        #expect(compilation.places.isEmpty)
    }

    @Test
    func `a delegate that is missing, hidden or no delegate is an error where it is named`() {
        let root = Self.root("  - delegate: {name: teem}\n  - {name: rest, \(Self.route)}")
        let near = Compilation([root, Self.delegate("  - \(Self.route)")])
        #expect(
            near.diagnostics.map(\.description) == [
                "root.yaml:7:22: error: there is no VirtualService default/teem to delegate to; did you mean team? "
                    + "[MM0306]",
                "team.yaml:1:1: warning: default/team has no hosts, and nobody delegates to it [MM0311]",
            ]
        )
        #expect(near.routes("reviews")?.map(\.name) == ["rest"])
        let hidden = Compilation([
            Self.root("  - delegate: {name: team, namespace: shop}"),
            Self.delegate("  - \(Self.route)", namespace: "shop", more: "  exportTo: [., other]"),
        ])
        #expect(hidden.places == ["7:22 MM0306"])
        let shown = Compilation([
            Self.root("  - delegate: {name: team, namespace: shop}"),
            Self.delegate("  - redirect: {uri: /}", namespace: "shop", more: "  exportTo: [default]"),
        ])
        #expect(shown.places == [])
        #expect(shown.routes("reviews")?.count == 1)
        // A manifest with hosts, this one itself for instance, is nothing to delegate to.
        let itself = Compilation([Self.root("  - delegate: {name: reviews}")])
        #expect(itself.places == ["7:22 MM0306"])
    }

    @Test
    func `a delegate cannot delegate further, so that there are no circles`() {
        let files = [
            Self.root("  - delegate: {name: team}"), Self.delegate("  - delegate: {name: team}\n  - \(Self.route)"),
        ]
        let compilation = Compilation(files)
        #expect(compilation.places == ["6:5 MM0211"])
        #expect(compilation.routes("reviews")?.map(\.name) == ["default/team/2"])
    }

    @Test
    func `a delegate has no gateways and routes nothing but HTTP`() {
        let reading = ManifestReader.read([
            Self.delegate("  - \(Self.route)", more: "  gateways: [mesh]\n  tcp: []\n  tls: []")
        ])
        #expect(reading.places == ["7:3 MM0214", "8:3 MM0210", "8:3 MM0214", "9:3 MM0210", "9:3 MM0214"])
        let empty = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: []}"
        #expect(ManifestReading.of(empty).places == ["4:7 MM0201"])
    }

    @Test
    func `two long lists of conditions do not multiply without bound`() {
        let list = { (name: String) in
            "  - match: [" + (0..<1200).map { "{\(name)\($0): {}}" }.map { "{headers: \($0)}" }.joined(separator: ", ")
                + "]\n"
        }
        let files = [
            Self.root(list("a") + "    delegate: {name: team}"), Self.delegate(list("b") + "    \(Self.route)"),
        ]
        let compilation = Compilation(files)
        #expect(compilation.places == ["8:22 MM0106"])
        #expect(compilation.routes("reviews") == [])
    }
}
