// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshConfig
import MeshCore
import MeshHTTP
import MeshRouting
import ServiceMesh
import Testing

@testable import meshctl

/// What `meshctl explain --mesh` gets from a mesh that runs, over loopback.
@Suite(.timeLimit(.minutes(5)))
struct MeshQuestionIntegrationTests {
    private static var resources: MeshResources {
        let other = Route(
            name: "other",
            match: RouteMatch(path: PathMatcher(.exact("/other"))),
            action: .forward(.init(clusters: WeightedClusters(single: "v1")))
        )
        let jason = Route(
            name: "jason",
            match: RouteMatch(headers: [HeaderMatcher("x-user", .value(.init(.exact("jason & \"co\""))))]),
            action: .forward(.init(clusters: WeightedClusters(single: "v1"), timeout: .seconds(3)))
        )
        let host = VirtualHost(name: "reviews-host", domains: [.exact("reviews")], routes: [other, jason])
        let table = RouteConfiguration(name: "reviews-routes", virtualHosts: [host])
        var resources = MeshResources(
            listeners: [Listener(name: "reviews:80", routes: .named("reviews-routes"))],
            routeConfigurations: [table],
            clusters: [Cluster(name: "v1"), Cluster(name: "v2")]
        )
        resources.ignored = [
            IgnoredField(.routeConfiguration("reviews-routes"), path: "validate_clusters", reason: "is not supported"),
            IgnoredField(.cluster("v2"), path: "dns_jitter", reason: "is not supported"),
        ]
        return resources
    }

    /// Asks a mesh that runs in this process.
    private static func asking(
        _ line: String,
        headers: [String] = [],
        change: (inout MeshQuestion) -> Void = { _ in }
    ) async throws -> CommandOutcome {
        let mesh = try Mesh()
        try mesh.apply(resources)
        let administration = MeshAdministration(mesh: mesh)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            group.addTask { try await administration.run { sink.yield($0) } }
            defer { group.cancelAll() }
            for await address in listening {
                var question = MeshQuestion(address: address, request: try ExplainRequest(line, headers: headers).head)
                change(&question)
                return await question.outcome()
            }
            return CommandOutcome(status: .badInput)
        }
    }

    @Test func `the mesh's answer names what decides, what was passed over and what has no effect`() async throws {
        let outcome = try await Self.asking("GET http://reviews/1?a=b", headers: [#"x-user: jason & "co""#])
        #expect(outcome.status == .success && outcome.diagnostics.isEmpty)
        let text = outcome.output.joined()
        #expect(text.hasPrefix("configuration generation 1\n"))
        for line in [
            "virtual host", "reviews-host", "route 0", "passed over: path: is ", "reviews:80", "jason (number 1)",
            "v1, weight 1", "from the route",
            "route configuration reviews-routes: validate_clusters: is not supported",
        ] {
            #expect(text.contains(line), "\(text)")
        }
        #expect(!text.contains("dns_jitter"))
    }

    @Test func `JSON has the same facts in their order`() async throws {
        let outcome = try await Self.asking("GET http://reviews/other") { $0.format = .json }
        let explanation = try JSONDecoder().decode(Explanation.self, from: Data(outcome.output.joined().utf8))
        #expect(outcome.status == .success)
        #expect(explanation["listener"] == "reviews:80" && explanation["route"] == "other (number 0)")
        #expect(explanation["ignored"]?.hasSuffix("validate_clusters: is not supported") == true)
    }

    @Test func `where no route takes the request, the status is a failure`() async throws {
        let outcome = try await Self.asking("GET http://reviews/1")
        #expect(outcome.status == .failure && outcome.output.joined().contains("none matches"))
        #expect(try await Self.asking("GET http://elsewhere/").status == .failure)
    }

    @Test func `what is wrong is said with the address`() async throws {
        let odd = try await Self.asking("GET http://re[views/")
        #expect(odd.status != .success)
        let long = try await Self.asking("GET http://reviews/1") { $0.maximumAnswer = 16 }
        #expect(long.diagnostics.first?.hasSuffix("the response has more than 16 bytes") == true)
        // The system gives a port back that nobody listens at.
        let nobody = EndpointAddress(host: "127.0.0.1", port: 1)
        let question = MeshQuestion(address: nobody, request: try ExplainRequest("http://a/", headers: []).head)
        let outcome = await question.outcome()
        #expect(outcome.status == .badInput)
        #expect(outcome.diagnostics.first?.hasPrefix("error: the mesh at 127.0.0.1:1: ") == true)
    }

    @Test func `an answer that takes too long is given up`() async throws {
        let outcome = try await Self.asking("GET http://reviews/1") { $0.timeout = Nanoseconds(rawValue: 1) }
        #expect(outcome.status == .badInput && outcome.diagnostics.count == 1)
    }

    @Test func `a port alone is one of this machine`() throws {
        #expect(try MeshQuestion.address("9901") == EndpointAddress(host: "127.0.0.1", port: 9901))
        #expect(try MeshQuestion.address(":9901") == EndpointAddress(host: "127.0.0.1", port: 9901))
        #expect(try MeshQuestion.address("[::1]:9901").port == 9901)
        for text in ["", "mesh", "mesh:", "0", "mesh:99999", "70000"] {
            #expect(throws: InputError.self) { try MeshQuestion.address(text) }
        }
    }
}
