// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting
import Testing

@Suite("Rules of Istio's first API")
struct LegacyRoutingTests {
    private static func rule(_ name: String, _ spec: String) -> String {
        """
        apiVersion: config.istio.io/v1alpha2
        kind: RouteRule
        metadata: {name: \(name)}
        spec:
          destination: {name: reviews}
        \(spec)
        ---

        """
    }

    private static let split = rule(
        "split",
        "  route: [{labels: {version: v1}, weight: 50}, {labels: {version: v2}, weight: 50}]"
    )
    private static let abort = "  httpFault: {abort: {percent: 100, httpStatus: 500}}"

    private func names(_ compilation: Compilation) -> [String]? {
        compilation.routes("reviews")?.map(\.name)
    }

    private func faults(_ route: Route) -> [String] {
        guard case .forward(let forward) = route.action else { return [] }
        return forward.clusterFaults.keys.sorted()
    }

    @Test("are asked in the order of their precedence, and of the files among equals")
    func precedence() {
        let text =
            Self.rule("a", "  match: {request: {headers: {x: {exact: a}}}}\n  precedence: 1")
            + Self.rule("b", "  match: {request: {headers: {x: {exact: b}}}}\n  precedence: 3")
            + Self.rule("c", "  match: {request: {headers: {x: {exact: c}}}}\n  precedence: 1")
            + Self.rule("d", "  precedence: -1")
        #expect(names(Compilation(text)) == ["default/b", "default/a", "default/c", "default/d"])
    }

    @Test("leave to the whole service what none of them is about")
    func fallback() {
        let text = Self.rule("a", "  match: {request: {headers: {x: {exact: a}}}}")
        #expect(names(Compilation(text)) == ["default/a", "default"])
    }

    @Test("without conditions hide those behind them, which is reported")
    func unreachable() {
        let compilation = Compilation(Self.split + Self.rule("late", "  route: [{labels: {version: v3}}]"))
        #expect(names(compilation) == ["default/split"])
        #expect(compilation.places == ["8:1 MM0311"])
    }

    @Test("with conditions and a fault route and disturb what they match")
    func conditionalFault() {
        let text =
            Self.split
            + Self.rule(
                "jason",
                "  precedence: 2\n  match: {request: {headers: {end-user: {exact: jason}}}}\n"
                    + "  route: [{labels: {version: v1}}]\n" + Self.abort
            )
        let routes = Compilation(text).routes("reviews") ?? []
        #expect(routes.map(\.name) == ["default/jason", "default/split"])
        #expect(routes.map { $0.fault != nil } == [true, false])
        #expect(routes.map(faults) == [[], []])
    }

    @Test("with a fault and no weights disturb what others send to their labels, whatever their precedence")
    func disturbance() {
        for precedence in [-5, 0, 5] {
            let fault = Self.rule(
                "fault",
                "  precedence: \(precedence)\n  route: [{labels: {version: v2}}]\n" + Self.abort
            )
            let compilation = Compilation(Self.split + fault)
            #expect(names(compilation) == ["default/split"])
            #expect(
                compilation.routes("reviews").map { $0.map(faults) } == [[Bookinfo.cluster("reviews", "version=v2")]]
            )
            #expect(compilation.places.isEmpty)
        }
    }

    @Test("with a fault and no labels disturb everything")
    func disturbanceOfAll() {
        let compilation = Compilation(Self.split + Self.rule("fault", Self.abort))
        let clusters = ["version=v1", "version=v2"].map { Bookinfo.cluster("reviews", $0) }
        #expect(compilation.routes("reviews").map { $0.map(faults) } == [clusters])
    }

    @Test("put the fault on the route where it has one destination only")
    func disturbanceOfSingle() {
        let text =
            Self.rule("all", "  route: [{labels: {version: v1}, weight: 100}]")
            + Self.rule("fault", "  route: [{labels: {version: v1}}]\n" + Self.abort)
        let routes = Compilation(text).routes("reviews") ?? []
        #expect(routes.map(\.name) == ["default/all"])
        #expect(routes.map { $0.fault?.abort?.status } == [500])
        #expect(routes.map(faults) == [[]])
    }

    @Test("whose fault hits nobody are reported")
    func disturbanceOfNobody() {
        let compilation = Compilation(
            Self.split + Self.rule("fault", "  route: [{labels: {version: v3}}]\n" + Self.abort)
        )
        #expect(compilation.routes("reviews").map { $0.map(faults) } == [[]])
        #expect(compilation.places == ["8:1 MM0311"])
    }

    @Test("give way to a VirtualService, which is reported for each")
    func virtualService() {
        let text =
            Self.split + """
                apiVersion: networking.istio.io/v1
                kind: VirtualService
                metadata: {name: reviews}
                spec: {hosts: [reviews], http: [{name: new, directResponse: {status: 201}}]}
                """
        let compilation = Compilation(text)
        #expect(names(compilation) == ["new"])
        #expect(compilation.places == ["1:1 MM0304"])
    }

    @Test("use a DestinationRule's subset with the same labels")
    func subsets() throws {
        let text =
            Self.split + """
                apiVersion: networking.istio.io/v1
                kind: DestinationRule
                metadata: {name: reviews}
                spec: {host: reviews, subsets: [{name: old, labels: {version: v1}}]}
                """
        let compilation = Compilation(text)
        let shares = [(Bookinfo.cluster("reviews", "old"), 50), (Bookinfo.cluster("reviews", "version=v2"), 50)]
        let route = try Bookinfo.forward("default/split", shares.map { ($0.0, UInt32($0.1)) })
        #expect(compilation.routes("reviews") == [route])
        #expect(compilation.ports(Bookinfo.cluster("reviews", "old")) == [1003])
        #expect(compilation.resources.clusters[Bookinfo.cluster("reviews", "version=v1")] == nil)
    }

    @Test("match the client by its service and labels, and the request by headers and parts of the request line")
    func conditions() {
        let text = Self.rule(
            "a",
            """
              match:
                source: {name: productpage, labels: {version: v1}}
                request: {headers: {uri: {prefix: /a}, method: {exact: GET}, cookie: {regex: ".*jason.*"}}}
            """
        )
        let page = Compilation(text).routes("reviews") ?? []
        #expect(page.map(\.name) == ["default/a", "default"])
        #expect(page.first?.match.path == PathMatcher(.prefix("/a")))
        #expect(page.first?.match.headers.map(\.name) == [":method", "cookie"])
        #expect(Compilation(text, for: Bookinfo.node("details")).routes("reviews")?.map(\.name) == ["default"])
        #expect(Compilation(text, for: Node()).routes("reviews")?.map(\.name) == ["default"])
        let quiet = Node(labels: ["app": "productpage", "version": "v1"])
        #expect(Compilation(text, for: quiet).routes("reviews")?.map(\.name) == ["default/a", "default"])
    }

    @Test("have timeouts and retries of their own")
    func policies() {
        let text = Self.rule(
            "a",
            "  httpReqTimeout: {simpleTimeout: {timeout: 3s}}\n  httpReqRetries: {simpleRetry: {attempts: 1}}"
        )
        guard case .forward(let forward)? = Compilation(text).routes("reviews")?.first?.action else {
            Issue.record("the route does not forward")
            return
        }
        #expect(forward.timeout == .seconds(3))
        #expect(forward.retry == RetryPolicy(maximumAttempts: 2))
        #expect(forward.shares.map(\.cluster) == [Bookinfo.cluster("reviews")])
    }

    @Test("send a share to the labels of its destination")
    func labelsOfDestination() throws {
        let destination = "{name: reviews, labels: {version: v2}}"
        let cluster = Bookinfo.cluster("reviews", "version=v2")
        for labels in ["", "labels: {version: v2}, "] {
            let text = Self.rule("a", "  route: [{\(labels)destination: \(destination), weight: 100}]")
            let compilation = Compilation(text)
            #expect(compilation.routes("reviews") == [try Bookinfo.forward("default/a", [(cluster, 100)])])
            #expect(compilation.ports(cluster) == [1004])
            #expect(compilation.places.isEmpty)
        }
    }
}
