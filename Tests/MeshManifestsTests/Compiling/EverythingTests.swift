// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting
import Testing

/// All that a VirtualService can say about HTTP, at once.
@Suite("Everything at once")
struct EverythingTests {
    private static let text = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews, "*.example.com"]
          gateways: [mesh, edge]
          exportTo: ["*"]
          http:
          - name: canary
            match:
            - name: tester
              uri: {prefix: /api/reviews}
              ignoreUriCase: true
              method: {regex: "GET|POST"}
              scheme: {exact: http}
              authority: {prefix: reviews}
              headers: {end-user: {regex: "(jason|kate).*"}, x-debug: {}}
              withoutHeaders: {x-bot: {}, x-channel: {exact: stable}}
              queryParams: {beta: {exact: "1"}, trace: {}}
              port: 9080
              sourceLabels: {app: productpage}
              sourceNamespace: default
              gateways: [mesh]
            - uri: {regex: "/v[0-9]+/reviews"}
            rewrite: {uri: /reviews, authority: reviews.internal}
            timeout: 2.5s
            retries:
              attempts: 3
              perTryTimeout: 500ms
              retryOn: 5xx,gateway-error,reset,reset-before-request,connect-failure,retriable-4xx,refused-stream,429,unavailable
              backoff: 20ms
              retryIgnorePreviousHosts: false
            fault:
              delay: {fixedDelay: 100ms, percentage: {value: 0.5}}
              abort: {grpcStatus: RESOURCE_EXHAUSTED, percentage: {value: 0.1}}
            mirrors:
            - {destination: {host: ratings}, percentage: {value: 10}}
            - {destination: {host: details, port: {number: 9080}}}
            corsPolicy:
              allowOrigins: [{prefix: "https://app."}]
              allowMethods: [GET, POST]
              allowHeaders: [authorization]
              exposeHeaders: [x-request-id]
              maxAge: 1h
              allowCredentials: true
              unmatchedPreflights: FORWARD
            headers:
              request: {set: {x-route: canary}, add: {x-via: "%PROTOCOL%"}, remove: [x-internal]}
              response: {set: {x-served-by: mesh}, remove: [server]}
            route:
            - destination: {host: reviews, subset: v1}
              weight: 80
              headers: {request: {set: {x-subset: v1}}}
            - destination: {host: reviews, subset: v2, port: {number: 9080}}
              weight: 20
              headers: {request: {set: {host: v2.internal}}, response: {add: {x-subset: v2}}}
          - match: [{uri: {prefix: /old}}]
            redirect: {prefixRewrite: /new, authority: www.example.com, scheme: https, port: 8443, redirectCode: 307}
          - match: [{uri: {exact: /closed}}]
            directResponse: {status: 410, body: {bytes: Z29uZQ==}}
            headers: {response: {set: {cache-control: no-store}}}
          - match: [{uri: {prefix: /team}}]
            delegate: {name: team, namespace: shop}
          - route: [{destination: {host: reviews}}]
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: team, namespace: shop}
        spec:
          exportTo: [default]
          http:
          - match: [{uri: {prefix: /team/a}}]
            rewrite: {uriRegexRewrite: {match: "/team/(.*)", rewrite: "/\\\\1"}}
            route: [{destination: {host: ratings.default.svc.cluster.local}, headers: {request: {remove: [cookie]}}}]
            mirror: {host: details.default.svc.cluster.local}
            mirrorPercentage: {value: 100}
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          trafficPolicy:
            loadBalancer:
              consistentHash: {httpCookie: {name: user, ttl: 1h}}
          subsets:
          - {name: v1, labels: {version: v1}}
          - {name: v2, labels: {version: v2}}

        """

    @Test
    func `everything is compiled, and only what does not exist yet is reported`() throws {
        let compilation = Compilation(Self.text)
        #expect(compilation.diagnostics.map { "\($0.line) \($0.code)" } == ["5 MM0301"])
        #expect(throws: Never.self) { try compilation.resources.validate() }
        let routes = try #require(compilation.routes("reviews"))
        #expect(
            routes.map(\.name) == [
                "canary.tester", "canary", "default/reviews/2", "default/reviews/3", "shop/team/1", "default/reviews/5",
            ]
        )
        // Every cluster that a route speaks of is there, those of copies too.
        for route in routes {
            guard case .forward(let forward) = route.action else { continue }
            var names = forward.shares.map(\.cluster)
            for mirror in forward.mirrors ?? [] {
                if case .cluster(let name) = mirror.target { names.append(name) }
            }
            for name in names { #expect(compilation.resources.clusters[name] != nil, "\(name)") }
        }
    }

    @Test
    func `the first rule has all of its words`() throws {
        let routes = try #require(Compilation(Self.text).routes("reviews"))
        let route = routes[0]
        #expect(route.match.path == PathMatcher(.prefix("/api/reviews"), ignoresCase: true))
        #expect(
            route.match.headers.map(\.name.lowercased) == [
                ":method", ":authority", ":scheme", "end-user", "x-debug", "x-bot", "x-channel",
            ]
        )
        #expect(route.match.headers.map(\.isInverted) == [false, false, false, false, false, true, true])
        #expect(route.match.queryParameters.map(\.name) == ["beta", "trace"])
        #expect(route.headers.requestAdditions.map(\.value.text) == ["canary", "%PROTOCOL%"])
        #expect(route.headers.requestRemovals == ["x-internal"])
        #expect(route.headers.responseAdditions.map(\.name) == ["x-served-by"])
        #expect(route.headers.responseRemovals == ["server"])
        #expect(route.cors?.maximumAge == "3600" && route.cors?.allowsCredentials == true)
        #expect(route.fault?.abort?.grpcStatus == 8)
        guard case .forward(let forward) = route.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(forward.pathRewrite == .prefix("/reviews"))
        #expect(forward.hostRewrite == .literal("reviews.internal"))
        #expect(forward.timeout == .milliseconds(2500))
        #expect(forward.retry?.maximumAttempts == 4 && forward.retry?.avoidsPreviousEndpoints == false)
        #expect(forward.retry?.retriableStatusCodes == [429])
        #expect(forward.mirrors?.map(\.fraction.share.percent) == [10, 100])
        let cookie = HashPolicy(.cookie(.init("user", lifetime: .seconds(3600))))
        #expect(forward.hashPolicies == [cookie, cookie])
        #expect(forward.shares.map(\.weight) == [80, 20])
        #expect(forward.shares.map(\.host) == [nil, "v2.internal"])
        #expect(forward.shares[0].headers.requestAdditions.map(\.value.text) == ["v1"])
        #expect(forward.shares[1].headers.responseAdditions.map(\.value.text) == ["v2"])
        // The second condition has the same action under another match.
        #expect(routes[1].action == route.action && routes[1].match != route.match)
    }

    @Test
    func `the other rules have theirs`() throws {
        let routes = try #require(Compilation(Self.text).routes("reviews"))
        #expect(
            routes[2].action
                == .redirect(
                    Redirect(
                        scheme: "https",
                        host: "www.example.com",
                        port: 8443,
                        path: .rewritten(.prefix("/new")),
                        status: .temporaryRedirect
                    )
                )
        )
        #expect(routes[3].action == .directResponse(LocalReply(status: 410, body: "gone")))
        #expect(routes[3].headers.responseAdditions.map(\.name) == ["cache-control"])
        guard case .forward(let delegated) = routes[4].action else {
            Issue.record("the delegate's route does not forward")
            return
        }
        let expression = try RegularExpression("/team/(.*)")
        #expect(delegated.pathRewrite == .regularExpression(RegexSubstitution(expression, substitution: "/\\1")))
        #expect(delegated.mirrors == [RequestMirror(.cluster(Bookinfo.cluster("details")))])
        #expect(routes[4].headers.requestRemovals == ["cookie"])
        // A client whom the first condition does not mean gets the rest.
        let others = Compilation(Self.text, for: Bookinfo.node("details"))
        #expect(others.routes("reviews")?.map(\.name) == Array(routes.map(\.name).dropFirst()))
    }
}
