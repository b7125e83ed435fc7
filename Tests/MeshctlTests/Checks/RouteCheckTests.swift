// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import ServiceMesh
import Testing

@testable import meshctl

@Suite struct RouteCheckTests {
    private static func table() throws -> SelectedRouteTable {
        try RouteTableSelection().table(in: Fixture.file("shop.yaml"))
    }

    private static func checks() throws -> [RouteCheck] {
        try RouteCheckFile(Fixture.file("shop.passing.json")).checks
    }

    @Test func `every matcher and action does what Envoy's own tool would find`() throws {
        let checks = try Self.checks()
        let report = try RouteChecker(Self.table().configuration).run(checks)
        #expect(checks.count == 59)
        #expect(report.results.flatMap(\.lines) == [])
    }

    @Test func `nothing of the table is left out`() throws {
        #expect(try Self.table().warnings == [])
    }

    @Test func `those tests cover every route and both shares`() throws {
        let report = try RouteChecker(Self.table().configuration).run(Self.checks())
        #expect(report.coverage.uncovered.map(\.description) == [])
        #expect(report.coverage.fraction == 1)
        #expect(report.coverage.comprehensiveFraction < 0.5)
    }

    @Test func `every expectation fails alone where it is wrong`() throws {
        let checker = try RouteChecker(Self.table().configuration)
        var count = 0
        for check in try Self.checks() {
            for (field, wrong) in check.expectation.wrongVariants {
                let wrongCheck = RouteCheck(check.name, input: check.input, expectation: wrong)
                let result = try #require(try checker.run([wrongCheck]).results.first)
                #expect(result.failures.map { $0.field.prefix { $0 != "[" } } == [field[...]], "\(check.name)")
                count += 1
            }
        }
        #expect(count > 90)
    }

    @Test func `every test fails on a table without routes unless it asks for nothing to match`() throws {
        var table = try Self.table().configuration
        for position in table.virtualHosts.indices {
            table.virtualHosts[position].routes = []
            table.virtualHosts[position].requiredTLS = .none
        }
        let report = try RouteChecker(table).run(Self.checks())
        let passed = report.results.filter(\.hasPassed).map(\.name)
        #expect(passed.count == 12)
        #expect(report.coverage.units.isEmpty)
    }

    @Test func `the value that a header has instead is told`() throws {
        let outcome = Fixture.run(
            """
            tests:
            - test_name: t
              input: {authority: h, path: /a, method: GET, additional_request_headers: [{key: x-user, value: bob}]}
              validate:
                request_header_matches:
                - {name: x-user, string_match: {exact: ann}}
                - {name: x-none, present_match: true}
                - {name: x-user, range_match: {start: 1, end: 9}}
            """
        )
        #expect(outcome.status == .failure)
        #expect(
            outcome.output.map { $0.split(separator: ";").first ?? "" } == [
                "FAIL t: request_header_matches[0] x-user: expected \"ann\", got \"bob\"",
                "FAIL t: request_header_matches[1] x-none: expected it to be there, got no such header",
                "FAIL t: request_header_matches[2] x-user: expected a number from 1 to below 9, got \"bob\"",
                "0 of 1 tests passed",
            ]
        )
    }

    @Test func `a failure says which routes were passed over and why`() throws {
        let outcome = Fixture.run(
            """
            tests:
            - test_name: wrong
              input: {authority: h, path: /b, method: GET}
              validate: {cluster_name: a}
            """
        )
        let line = try #require(outcome.output.first)
        #expect(
            line.hasPrefix("FAIL wrong: cluster_name: expected \"a\", got \"rest\"; route #1 \"rest\" of all matches")
        )
        #expect(line.contains("passed over: #0 \"a\" (path"))
    }

    @Test func `a route without a timeout has Envoy's default`() {
        let outcome = Fixture.run(
            """
            tests:
            - {test_name: default, input: {authority: h, path: /, method: GET}, validate: {timeout: 15s}}
            - {test_name: none, input: {authority: h, path: /, method: GET}, validate: {timeout: 0s}}
            """
        )
        #expect(outcome.output.last == "1 of 2 tests passed")
        #expect(outcome.output.first?.hasPrefix("FAIL none: timeout: expected 0s, got 15s;") == true)
    }

    @Test func `a tree of conditions chooses among routes, and each of its routes counts for coverage`() {
        let table = """
            virtual_hosts:
            - name: tree
              domains: ["*"]
              matcher:
                matcher_tree:
                  input:
                    name: x
                    typed_config:
                      "@type": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput
                      header_name: x-colour
                  exact_match_map:
                    map:
                      red:
                        action:
                          name: route
                          typed_config:
                            "@type": type.googleapis.com/envoy.config.route.v3.Route
                            match: {prefix: /}
                            route: {cluster: red}
                      blue:
                        action:
                          name: route
                          typed_config:
                            "@type": type.googleapis.com/envoy.config.route.v3.Route
                            match: {prefix: /}
                            route: {cluster: blue}
            """
        let tests = """
            tests:
            - test_name: red
              input: {authority: h, path: /, method: GET, additional_request_headers: [{key: x-colour, value: red}]}
              validate: {cluster_name: red}
            - test_name: no colour
              input: {authority: h, path: /, method: GET}
              validate: {cluster_name: ""}
            """
        let outcome = Fixture.run(tests, table: table, RouteCheckRun(showsCoverage: true))
        #expect(outcome.diagnostics == [])
        #expect(outcome.output.prefix(2) == ["2 of 2 tests passed", "coverage 50%: 1 of 2 routes"])
    }
}

extension RouteCheck.Expectation {
    /// For each thing that is asked, the expectation with that one alone wrong, and the field's name in the file.
    fileprivate var wrongVariants: [(field: String, RouteCheck.Expectation)] {
        var variants: [(field: String, RouteCheck.Expectation)] = []
        func add(_ field: String, _ change: (inout RouteCheck.Expectation) -> Void) {
            var wrong = self
            change(&wrong)
            variants.append((field, wrong))
        }
        if cluster != nil { add("cluster_name") { $0.cluster = "wrong" } }
        if virtualCluster != nil { add("virtual_cluster_name") { $0.virtualCluster = "wrong" } }
        if virtualHost != nil { add("virtual_host_name") { $0.virtualHost = "wrong" } }
        if authority != nil { add("host_rewrite") { $0.authority = "wrong" } }
        if path != nil { add("path_rewrite") { $0.path = "wrong" } }
        if location != nil { add("path_redirect") { $0.location = "wrong" } }
        if status != nil { add("code_redirect") { $0.status = 599 } }
        if timeout != nil { add("timeout") { $0.timeout = .seconds(77) } }
        for position in requestHeaders.indices {
            add("request_header_matches") { $0.requestHeaders[position].isInverted.toggle() }
        }
        for position in responseHeaders.indices {
            add("response_header_matches") { $0.responseHeaders[position].isInverted.toggle() }
        }
        return variants
    }
}
