// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS
import ServiceMesh
import Testing

@testable import meshctl

@Suite struct RouteCheckRunTests {
    private static let passing = """
        tests:
        - {test_name: a, input: {authority: h, path: /a, method: GET}, validate: {cluster_name: a}}
        """
    private static let failing = """
        tests:
        - {test_name: a, input: {authority: h, path: /a, method: GET}, validate: {cluster_name: b}}
        """

    @Test func `the status is 0 if all tests pass`() {
        #expect(Fixture.run(Self.passing) == CommandOutcome(status: .success, output: ["1 of 1 tests passed"]))
    }

    @Test func `the status is 1 if a test fails`() {
        #expect(Fixture.run(Self.failing).status == .failure)
    }

    @Test func `the status is 2 if a file is bad, and both files are told`() {
        let outcome = Fixture.run("tests: []", table: "virtual_hosts: 1")
        #expect(outcome.status == .badInput)
        #expect(outcome.output == [])
        #expect(outcome.diagnostics.count == 2)
        #expect(outcome.diagnostics.first?.hasPrefix("error: table.yaml:1:") == true)
        #expect(outcome.diagnostics.last == "error: tests.yaml:1:1: tests: must have at least one test")
    }

    @Test func `coverage names the routes that no test looks at`() {
        let outcome = Fixture.run(Self.passing, RouteCheckRun(showsCoverage: true))
        #expect(
            outcome.output == ["1 of 1 tests passed", "coverage 50%: 1 of 2 routes", "not covered: all #1 \"rest\""]
        )
    }

    @Test(arguments: [(50.0, CommandOutcome.Status.success), (50.01, .failure)])
    func `too little coverage fails the run`(_ bound: Double, _ status: CommandOutcome.Status) {
        #expect(Fixture.run(Self.passing, RouteCheckRun(failUnder: bound)).status == status)
    }

    @Test func `the comprehensive coverage counts fields`() {
        let outcome = Fixture.run(Self.passing, RouteCheckRun(showsCoverage: true, isComprehensive: true))
        // One of six fields of one of two routes.
        #expect(outcome.output.dropFirst().first == "coverage 8.33%: of all fields of 2 routes")
    }

    @Test func `a test that fails covers nothing, and one that expects no match neither`() {
        let tests = """
            tests:
            - {test_name: a, input: {authority: h, path: /a, method: GET}, validate: {cluster_name: b}}
            - {test_name: b, input: {authority: h, path: /a, method: GET}, validate: {path_redirect: ""}}
            """
        let outcome = Fixture.run(tests, RouteCheckRun(showsCoverage: true))
        #expect(outcome.output.contains("coverage 0%: 0 of 2 routes"))
    }

    @Test func `JSON has all of it`() throws {
        let outcome = Fixture.run(Self.failing, RouteCheckRun(format: .json))
        #expect(outcome.status == .failure)
        let report = try DocumentReader.document(Fixture.file("report.json", outcome.output.joined()))
        guard case .fields(let fields) = report.value else {
            Issue.record("the report is no object")
            return
        }
        #expect(fields.map(\.name) == ["passed", "tests", "coverage", "warnings"])
        #expect(fields.first?.value.value == .boolean(false))
        #expect(outcome.output.joined().contains("\"expected\": \"\\\"b\\\"\""))
    }

    @Test func `fields that are not supported are warnings with their place`() {
        let table = """
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /a}
                route:
                  cluster: a
                  append_x_forwarded_host: true
                  early_data_policy:
                    name: envoy.route.early_data_policy.default
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.early_data.v3.DefaultEarlyDataPolicy
            """
        let outcome = Fixture.run(Self.passing, table: table)
        #expect(outcome.status == .success)
        #expect(outcome.diagnostics.count == 1)
        #expect(outcome.diagnostics.first?.hasPrefix("warning: table.yaml:9:") == true)
        #expect(outcome.diagnostics.first?.contains("early_data_policy") == true)
    }

    @Test func `one table of a bootstrap is chosen by its listener or its name`() {
        func listener(_ name: String, _ table: String, cluster: String) -> String {
            """
              - name: \(name)
                api_listener:
                  api_listener:
                    "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                    stat_prefix: x
                    route_config:
                      name: \(table)
                      virtual_hosts:
                      - name: all
                        domains: ["*"]
                        routes:
                        - {match: {prefix: /}, route: {cluster: \(cluster)}}
                    http_filters:
                    - name: router
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router

            """
        }
        let bootstrap =
            "static_resources:\n  listeners:\n" + listener("one", "first", cluster: "b")
            + listener("two", "second", cluster: "a")
        let both = Fixture.run(Self.passing, table: bootstrap)
        #expect(both.status == .badInput)
        #expect(both.diagnostics.first?.contains("first of the listener one, second of the listener two") == true)
        func run(_ listener: String?, _ name: String?) -> CommandOutcome.Status {
            let selection = RouteTableSelection(listener: listener, routeConfiguration: name)
            return Fixture.run(Self.passing, table: bootstrap, RouteCheckRun(selection: selection)).status
        }
        #expect(run("two", nil) == .success)
        #expect(run(nil, "second") == .success)
        #expect(run("one", nil) == .failure)
        #expect(run("three", nil) == .badInput)
    }
}
