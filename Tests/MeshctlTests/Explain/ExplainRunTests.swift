// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshManifests
import MeshXDS
import ServiceMesh
import Testing

@testable import meshctl

@Suite struct ExplainRunTests {
    private static let resources = """
        resources:
        - "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
          name: shop
          virtual_hosts:
          - name: shop
            domains: [shop.example.com]
            request_mirror_policies: [{cluster: copies}]
            routes:
            - {name: exact, match: {path: /exact}, route: {cluster: exact}}
            - name: carts
              match: {prefix: /cart}
              route:
                prefix_rewrite: /basket
                timeout: 3s
                retry_policy: {retry_on: "5xx,reset", num_retries: 2}
                hash_policy: [{header: {header_name: x-user}}]
                weighted_clusters:
                  clusters:
                  - {name: blue, weight: 30}
                  - {name: green, weight: 70}
        - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
          name: green
          type: STATIC
          load_assignment:
            cluster_name: green
            endpoints:
            - lb_endpoints:
              - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 80}}}
        """

    private func explain(
        _ request: String,
        _ headers: [String] = [],
        random: UInt64 = 0,
        files: [InputFile]? = nil,
        format: OutputFormat = .text
    ) throws -> CommandOutcome {
        let head = try ExplainRequest(request, headers: headers).head
        let run = ExplainRun(request: head, random: random, format: format)
        return run.outcome(files ?? [Fixture.file("shop.yaml", Self.resources)])
    }

    /// The values of a fact, by its name at the beginning of a line.
    private func facts(_ outcome: CommandOutcome, _ name: String) -> [String] {
        outcome.output.joined(separator: "\n").split(separator: "\n").compactMap { line in
            guard line.hasPrefix(name + "  ") else { return nil }
            return String(line.dropFirst(name.count).drop { $0 == " " })
        }
    }

    @Test func `it says who decided, and what the request becomes`() throws {
        let outcome = try explain("GET http://shop.example.com/cart/7?a=b", ["x-user: ann"], random: 30)
        #expect(outcome.status == .success)
        #expect(outcome.diagnostics == [])
        #expect(facts(outcome, "listener") == ["shop"])
        #expect(facts(outcome, "virtual host") == ["shop (domain shop.example.com)"])
        #expect(facts(outcome, "passed over").count == 1)
        #expect(facts(outcome, "route") == ["#1 \"carts\""])
        #expect(facts(outcome, "cluster") == ["green (chance 70 of 100)"])
        #expect(facts(outcome, "request line") == ["GET /basket/7?a=b"])
        #expect(facts(outcome, "timeout") == ["3s (route)"])
        #expect(facts(outcome, "attempts") == ["at most 3 (route)"])
        #expect(facts(outcome, "retry on") == ["5xx,reset (route)"])
        #expect(facts(outcome, "hash policy") == ["header x-user: found"])
        #expect(facts(outcome, "mirrors") == ["copies (virtual host)"])
        #expect(facts(outcome, "endpoints") == ["1"])
    }

    @Test func `what the caller asks for is told as the caller's`() throws {
        let outcome = try explain(
            "http://shop.example.com/cart",
            ["x-envoy-upstream-rq-timeout-ms: 1500", "x-envoy-max-retries: 4"]
        )
        #expect(facts(outcome, "timeout") == ["1.5s (request header x-envoy-upstream-rq-timeout-ms)"])
        #expect(facts(outcome, "attempts") == ["at most 5 (request header x-envoy-max-retries)"])
        #expect(facts(outcome, "hash") == ["none: the balancer draws at random"])
        #expect(facts(outcome, "endpoints") == ["the cluster does not exist in the configuration"])
        #expect(!outcome.output.joined().contains("request header  x-envoy-max-retries"))
    }

    @Test func `a request that nobody takes is a failure with the reason`() throws {
        let unknownHost = try explain("http://other.example.com/")
        #expect(unknownHost.status == .failure)
        #expect(facts(unknownHost, "listener") == ["none serves the authority"])
        let unknownPath = try explain("http://shop.example.com/nothing")
        #expect(unknownPath.status == .failure)
        #expect(facts(unknownPath, "passed over").count == 2)
        #expect(facts(unknownPath, "route") == ["none matches"])
    }

    @Test func `JSON has the same`() throws {
        let outcome = try explain("http://shop.example.com/cart", random: 29, format: .json)
        let root = try DocumentReader.document(Fixture.file("x.json", outcome.output.joined()))
        guard case .fields(let fields) = root.value else {
            Issue.record("no object")
            return
        }
        #expect(fields.map(\.name) == ["request", "listener", "preview", "cluster", "warnings"])
        #expect(outcome.output.joined().contains("\"cluster\": \"blue\""))
        #expect(outcome.output.joined().contains("\"origin\": \"virtual host\""))
    }

    @Test func `manifests are compiled for a client, and what is doubtful in them is told`() throws {
        let manifests = """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: reviews}
            spec:
              hosts: [reviews]
              http:
              - name: jason
                match: [{headers: {end-user: {exact: jason}}}]
                route: [{destination: {host: reviews, subset: v2}}]
              - name: rest
                route: [{destination: {host: reviews, subset: v1}}]
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
        var run = ExplainRun(request: try ExplainRequest("http://reviews:9080/reviews/0", headers: []).head)
        run.workloads = [
            try WorkloadOption("default/reviews@127.0.0.1:9081,version=v1").workload,
            try WorkloadOption("default/reviews@127.0.0.1:9082,version=v2").workload,
        ]
        let file = Fixture.file("reviews.yaml", manifests)
        let rest = run.outcome([file])
        #expect(rest.status == .success)
        #expect(facts(rest, "cluster") == ["outbound|9080|v1|reviews.default.svc.cluster.local"])
        #expect(facts(rest, "endpoints") == ["1"])
        run.request.headers = [PreviewedFields.Field("end-user", "jason")]
        #expect(facts(run.outcome([file]), "cluster") == ["outbound|9080|v2|reviews.default.svc.cluster.local"])
        let broken = Fixture.file("broken.yaml", manifests + "\n---\napiVersion: v1\nkind: Service\nspec: 1\n")
        #expect(run.outcome([broken]).status == .badInput)
        #expect(run.outcome([broken]).diagnostics.contains { $0.hasPrefix("error: broken.yaml:") })
    }

    @Test(arguments: ["", "GET http://", "GET ftp://h/", "GET http://h/ more", "G T http://h/"])
    func `a request that is none is refused`(_ line: String) {
        #expect(throws: InputError.self) { try ExplainRequest(line, headers: []) }
    }

    @Test func `a request without a path asks for the root, and host headers replace the URL's`() throws {
        let head = try ExplainRequest("https://h:8443?a=b", headers: ["Host: other", "x:  y"]).head
        #expect(
            head == PreviewedRequest(scheme: "https", authority: "other", path: "/?a=b", headers: [.init("x", "y")])
        )
        #expect(throws: InputError.self) { try ExplainRequest("http://h/", headers: ["no colon"]) }
    }

    @Test(arguments: ["reviews@127.0.0.1:80", "a/b", "a/b@", "a/@127.0.0.1:80", "a/b@127.0.0.1:80,version"])
    func `a workload that is none is refused`(_ text: String) {
        #expect(throws: InputError.self) { try WorkloadOption(text) }
    }
}
