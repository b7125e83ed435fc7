// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting
import Testing

@Suite("Routes to services")
struct OutboundCompilerTests {
    private static func virtualService(_ spec: String, name: String = "reviews", namespace: String = "default")
        -> String
    {
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: \(name), namespace: \(namespace)}
        spec:
        \(spec)

        """
    }

    private static let subsets = """
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          subsets:
          - {name: v1, labels: {version: v1}}
          - {name: v2, labels: {version: v2}}

        """

    @Test("without manifests every service has a listener, a route and a cluster")
    func withoutManifests() throws {
        let compilation = Compilation([])
        let name = "reviews.default.svc.cluster.local:9080"
        #expect(
            compilation.resources.listeners[name]
                == Listener(name: name, filters: [.fault(FaultConfiguration())], routes: .named(name))
        )
        let domains = [
            "reviews.default.svc.cluster.local", "reviews.default.svc", "reviews.default", "reviews",
        ].flatMap { [DomainPattern.exact($0), .exact("\($0):9080")] }
        let route = try Bookinfo.forward("default", [(Bookinfo.cluster("reviews"), 1)])
        #expect(
            compilation.resources.routeConfigurations[name]
                == RouteConfiguration(
                    name: name,
                    virtualHosts: [VirtualHost(name: name, domains: domains, routes: [route])]
                )
        )
        #expect(compilation.resources.listeners.count == 5)
        #expect(compilation.places.isEmpty)
    }

    @Test("a client of another namespace may not call a service by its bare name")
    func otherNamespace() {
        let compilation = Compilation([], for: Node(namespace: "shop"))
        let host = compilation.resources.routeConfigurations["reviews.default.svc.cluster.local:9080"]?.virtualHosts[0]
        #expect(host?.domains.contains(.exact("reviews.default")) == true)
        #expect(host?.domains.contains(.exact("reviews")) == false)
    }

    @Test("a header goes to one subset and everybody else to weights")
    func headerAndWeights() throws {
        let text = Self.virtualService(
            """
              hosts: [reviews]
              http:
              - match: [{headers: {end-user: {exact: jason}}}]
                route: [{destination: {host: reviews, subset: v2}}]
              - name: everybody
                route:
                - {destination: {host: reviews, subset: v1}, weight: 75}
                - {destination: {host: reviews.default.svc.cluster.local, subset: v2}, weight: 25}
            """
        )
        let compilation = Compilation(text + Self.subsets)
        let jason = HeaderMatcher("end-user", .value(StringMatcher(.exact("jason"))))
        let v1 = Bookinfo.cluster("reviews", "v1")
        let v2 = Bookinfo.cluster("reviews", "v2")
        #expect(
            compilation.routes("reviews") == [
                try Bookinfo.forward("default/reviews/1", [(v2, 1)], match: RouteMatch(headers: [jason])),
                try Bookinfo.forward("everybody", [(v1, 75), (v2, 25)]),
            ]
        )
        #expect(compilation.ports(v1) == [1003])
        #expect(compilation.ports(v2) == [1004])
        #expect(compilation.places.isEmpty)
    }

    @Test("every condition of a match becomes one of the route's")
    func conditions() throws {
        let text = Self.virtualService(
            """
              hosts: [reviews]
              http:
              - match:
                - name: a
                  uri: {prefix: /A}
                  ignoreUriCase: true
                  method: {exact: GET}
                  headers: {x-b: {regex: "[0-9]+"}, x-a: {prefix: p}, x-c: {}}
                  withoutHeaders: {x-d: {exact: q}, x-e: {}}
                - uri: {regex: "/b.*"}
                - uri: {exact: /c}
                route: [{destination: {host: reviews}}]
            """
        )
        let expression = try RegularExpression("[0-9]+")
        let path = try RegularExpression("/b.*")
        let matches = [
            RouteMatch(
                path: PathMatcher(.prefix("/A"), ignoresCase: true),
                headers: [
                    HeaderMatcher(":method", .value(StringMatcher(.exact("GET")))),
                    HeaderMatcher("x-a", .value(StringMatcher(.prefix("p")))),
                    HeaderMatcher("x-b", .value(StringMatcher(.regularExpression(expression)))),
                    HeaderMatcher("x-c", .present(true)),
                    HeaderMatcher(
                        "x-d",
                        .value(StringMatcher(.exact("q"))),
                        isInverted: true,
                        treatsMissingAsEmpty: true
                    ),
                    HeaderMatcher("x-e", .present(true), isInverted: true),
                ]
            ),
            RouteMatch(path: PathMatcher(.regularExpression(path))),
            RouteMatch(path: PathMatcher(.exact("/c"))),
        ]
        let routes = try #require(Compilation(text).routes("reviews"))
        #expect(routes.map(\.match) == matches)
        #expect(routes.map(\.name) == ["default/reviews/1.a", "default/reviews/1", "default/reviews/1"])
    }

    @Test("rules for certain clients and ports are left out for the others")
    func clients() {
        let text = Self.virtualService(
            """
              hosts: [reviews]
              http:
              - {name: page, match: [{sourceLabels: {app: productpage}}], directResponse: {status: 201}}
              - {name: shop, match: [{sourceNamespace: shop}], directResponse: {status: 202}}
              - {name: port, match: [{port: 80}], directResponse: {status: 203}}
              - {name: edge, match: [{gateways: [edge]}], directResponse: {status: 204}}
              - {name: all, match: [{port: 9080, gateways: [mesh]}], directResponse: {status: 205}}
            """
        )
        let names = { (node: Node) in Compilation(text, for: node).routes("reviews")?.map(\.name) }
        #expect(names(Bookinfo.node("productpage")) == ["page", "all"])
        #expect(names(Bookinfo.node("details")) == ["all"])
        #expect(names(Node(namespace: "shop", labels: ["app": "productpage"])) == ["page", "shop", "all"])
        #expect(names(Node()) == ["all"])
    }

    @Test("timeouts, retries, faults and answers of a rule are the route's")
    func policies() throws {
        let text = Self.virtualService(
            """
              hosts: [reviews]
              http:
              - match: [{uri: {prefix: /a}}]
                route: [{destination: {host: reviews}}]
                timeout: 1.5s
                retries: {attempts: 4, perTryTimeout: 300ms, retryOn: "5xx, 429,reset", backoff: 50ms}
                fault:
                  delay: {fixedDelay: 2s, percentage: {value: 0.1}}
                  abort: {httpStatus: 503, percentage: {value: 100}}
              - match: [{uri: {prefix: /b}}]
                route: [{destination: {host: reviews}}]
                timeout: 0s
                retries: {attempts: 0}
              - directResponse: {status: 404, body: {string: nothing}}
            """
        )
        let routes = try #require(Compilation(text).routes("reviews"))
        guard case .forward(let first) = routes[0].action, case .forward(let second) = routes[1].action else {
            Issue.record("the routes do not forward")
            return
        }
        #expect(first.timeout == .milliseconds(1500))
        #expect(
            first.retry
                == RetryPolicy(
                    maximumAttempts: 5,
                    conditions: [.serverError, .reset, .retriableStatusCodes],
                    retriableStatusCodes: [429],
                    perTryTimeout: .milliseconds(300),
                    backoff: Backoff(base: .milliseconds(50))
                )
        )
        let fault = FaultConfiguration(
            delay: .init(duration: .seconds(2), percentage: FractionalPercent(numerator: 1000, denominator: .million)),
            abort: .init(status: 503, percentage: .all)
        )
        #expect(routes[0].fault == fault)
        #expect(second.timeout == nil && second.retry == nil)
        #expect(routes[2].action == .directResponse(LocalReply(status: 404, body: "nothing")))
    }

    @Test("a subset that nobody defines keeps its route, has no cluster, and is an error")
    func missingSubset() throws {
        let text = Self.virtualService(
            "  hosts: [reviews]\n  http: [{route: [{destination: {host: reviews, subset: v22}}]}]\n"
        )
        let compilation = Compilation(text + Self.subsets)
        let cluster = Bookinfo.cluster("reviews", "v22")
        #expect(compilation.routes("reviews") == [try Bookinfo.forward("default/reviews/1", [(cluster, 1)])])
        #expect(compilation.resources.clusters[cluster] == nil)
        #expect(
            compilation.diagnostics.map(\.description) == [
                "mesh.yaml:6:57: error: no DestinationRule of reviews.default.svc.cluster.local defines the subset v22; "
                    + "requests for it would be answered with 503; did you mean v2? [MM0302]"
            ]
        )
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test("a host or port that nobody has is a warning, since it may register yet")
    func unknownHost() throws {
        let text = Self.virtualService(
            """
              hosts: [review]
              http:
              - route: [{destination: {host: rewiews}}]
            """
        )
        let compilation = Compilation(text)
        #expect(compilation.places == ["5:11 MM0301", "7:34 MM0301"])
        #expect(!compilation.diagnostics.hasErrors)
        let port = Self.virtualService(
            "  hosts: [reviews]\n  http: [{route: [{destination: {host: reviews, port: {number: 80}}}]}]"
        )
        #expect(Compilation(port).places == ["6:64 MM0303"])
        let name = "outbound|80||reviews.default.svc.cluster.local"
        #expect(Compilation(port).routes("reviews") == [try Bookinfo.forward("default/reviews/1", [(name, 1)])])
    }

    @Test("of two routings of one host the first is in force, and a warning names both")
    func competition() throws {
        let first = Self.virtualService("  hosts: [reviews]\n  http: [{name: one, directResponse: {status: 201}}]")
        let second = Self.virtualService(
            "  hosts: [reviews.default.svc.cluster.local]\n  http: [{name: two, directResponse: {status: 202}}]",
            name: "other"
        )
        let files = [ManifestFile(name: "b.yaml", text: second), ManifestFile(name: "a.yaml", text: first)]
        let compilation = Compilation(files)
        #expect(compilation.routes("reviews")?.map(\.name) == ["one"])
        #expect(
            compilation.diagnostics.map(\.description) == [
                "b.yaml:5:11: warning: reviews.default.svc.cluster.local is routed by default/reviews (a.yaml:1:1) "
                    + "already, which is in force; default/other has no effect for it [MM0304]"
            ]
        )
        #expect(Compilation(files.reversed()).resources == compilation.resources)
    }

    @Test("the more specific host wins over a pattern, whichever comes first")
    func specificity() {
        let text =
            Self.virtualService("  hosts: [\"*\"]\n  http: [{name: any, directResponse: {status: 201}}]", name: "any")
            + "---\n"
            + Self.virtualService("  hosts: [reviews]\n  http: [{name: own, directResponse: {status: 202}}]")
        let compilation = Compilation(text)
        #expect(compilation.routes("reviews")?.map(\.name) == ["own"])
        #expect(compilation.routes("ratings")?.map(\.name) == ["any"])
        #expect(compilation.places.isEmpty)
    }

    @Test("a routing that is not exported to a namespace does not apply there")
    func visibility() {
        let text = Self.virtualService(
            "  hosts: [reviews]\n  exportTo: [.]\n  http: [{name: own, directResponse: {status: 202}}]"
        )
        #expect(Compilation(text).routes("reviews")?.map(\.name) == ["own"])
        #expect(Compilation(text, for: Node(namespace: "shop")).routes("reviews")?.map(\.name) == ["default"])
    }

    @Test("a routing of TCP only leaves the service's requests alone")
    func routesOfTCP() {
        let text = Self.virtualService("  hosts: [reviews]\n  tcp: []")
        #expect(Compilation(text).routes("reviews")?.map(\.name) == ["default"])
    }

    @Test("a destination without a port gets the one that was asked for, or the only one")
    func ports() throws {
        var other = Bookinfo.workload("other", "v1", port: 1008)
        other.servicePort = 8000
        let text = Self.virtualService("  hosts: [reviews]\n  http: [{route: [{destination: {host: other}}]}]")
        let compilation = Compilation(text, workloads: Bookinfo.workloads + [other])
        let name = "outbound|8000||other.default.svc.cluster.local"
        #expect(compilation.routes("reviews") == [try Bookinfo.forward("default/reviews/1", [(name, 1)])])
        #expect(compilation.resources.clusters[name] != nil)
    }

    @Test("an empty prefix asks only whether the header is there")
    func emptyPrefix() {
        let rule = "{match: [{headers: {x: {prefix: \"\"}}}], route: [{destination: {host: reviews}}]}"
        let text = Self.virtualService("  hosts: [reviews]\n  http: [\(rule)]")
        #expect(Compilation(text).routes("reviews")?.first?.match.headers == [HeaderMatcher("x", .present(true))])
    }
}
