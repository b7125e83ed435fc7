// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import ServiceMesh
import Testing

@testable import meshctl

@Suite struct RouteCheckFileTests {
    private func problems(_ text: String, named name: String = "t.yaml") -> [String] {
        do {
            _ = try RouteCheckFile(Fixture.file(name, text))
            return []
        } catch {
            return error.lines
        }
    }

    @Test func `every unknown field is told with its place`() {
        let text = """
            tests:
            - test_name: t
              inputs: {}
              input:
                authority: h
                path: /
                method: GET
                authorty: typo
              validate:
                cluster_name: a
                cluster: b
            extra: 1
            """
        #expect(
            problems(text) == [
                "t.yaml:12:1: extra: is not a field of this object",
                "t.yaml:3:3: tests[0].inputs: is not a field of this object",
                "t.yaml:8:5: tests[0].input.authorty: is not a field of this object",
                "t.yaml:11:5: tests[0].validate.cluster: is not a field of this object",
            ]
        )
    }

    @Test(arguments: [
        ("authority: 5, path: /, method: GET", "input.authority: must be a text, is a number: write it in quotes"),
        ("path: /, method: GET", "input: needs authority"),
        ("authority: h, method: GET", "input: needs path"),
        ("authority: \"\", path: /", "input.authority: must not be empty"),
        ("authority: h, path: /, method: GE", "input.method: must have at least 3 letters"),
        ("authority: h, path: /, ssl: yes please", "input.ssl: must be true or false, is a text"),
        ("authority: h, path: /, random_value: -1", "input.random_value: must be a whole number from 0 to"),
        ("authority: h, path: /, random_value: 18446744073709551616", "input.random_value: must be a whole number"),
        ("authority: h, path: /, additional_request_headers: {}", "must be a list, is an object"),
        ("authority: h, path: /, additional_request_headers: [{value: x}]", "additional_request_headers[0]: needs key"),
        ("authority: h, path: /, additional_request_headers: [{key: 'a b'}]", "is no name of a header field"),
        ("authority: h, path: /, dynamic_metadata: [{value: {}}]", "dynamic_metadata[0]: needs metadata_namespace"),
        ("authority: h, path: /, dynamic_metadata: [{metadata_namespace: n, value: 1}]", "value: must be an object"),
    ])
    func `a bad request is told`(_ input: String, _ message: String) {
        let text = "tests: [{test_name: t, input: {\(input)}, validate: {cluster_name: a}}]"
        let lines = problems(text)
        #expect(lines.count == 1)
        #expect(lines.first?.contains(message) == true, "\(lines)")
    }

    @Test(arguments: [
        ("{}", "validate: must ask for something"),
        ("{cluster_name: 1}", "validate.cluster_name: must be a text"),
        ("{code_redirect: x}", "validate.code_redirect: must be a whole number"),
        ("{timeout: 5}", "validate.timeout: must be a text"),
        ("{timeout: 5m}", "validate.timeout: must be a duration"),
        ("{timeout: .5s}", "validate.timeout: must be a duration"),
        ("{timeout: 1.0000000001s}", "validate.timeout: must be a duration"),
        (
            "{request_header_matches: [{name: x, string_match: {safe_regex: {regex: '('}}}]}",
            "request_header_matches[0]"
        ),
        ("{response_header_matches: [{name: x, exactly: y}]}", "response_header_matches[0].exactly"),
        ("{request_header_matches: 1}", "validate.request_header_matches: must be a list"),
        ("[]", "validate: must be an object, is a list"),
    ])
    func `a bad expectation is told`(_ validate: String, _ message: String) {
        let text = "tests: [{test_name: t, input: {authority: h, path: /}, validate: \(validate)}]"
        let lines = problems(text)
        #expect(lines.count == 1)
        #expect(lines.first?.contains(message) == true, "\(lines)")
        #expect(lines.allSatisfy { $0.hasPrefix("t.yaml:1:") && !$0.contains("virtual_hosts") }, "\(lines)")
    }

    @Test func `camel case is read as well`() throws {
        let text = """
            {"tests": [{"testName": "t", "input": {"authority": "h", "path": "/", "randomValue": "7",
             "additionalRequestHeaders": [{"key": "a", "value": "b"}]}, "validate": {"clusterName": "c"}}]}
            """
        let check = try #require(try RouteCheckFile(Fixture.file("t.json", text)).checks.first)
        #expect(check.input.random == 7)
        #expect(check.input.requestHeaders.value(of: "a") == "b")
        #expect(check.expectation.cluster == "c")
    }

    @Test func `the tool's older spellings are read`() throws {
        let text = """
            [{"test_name": "t", "input": {":authority": "h", ":path": "/", ":method": "PUT",
             "additional_headers": [{"field": "a", "value": "b"}]},
             "validate": {"header_fields": [{"field": "a", "value": "b"}], "custom_header_fields": [{"field": "c", "value": ""}]}}]
            """
        let check = try #require(try RouteCheckFile(Fixture.file("t.json", text)).checks.first)
        #expect(check.input.method == "PUT")
        #expect(check.input.authority == "h")
        #expect(
            check.expectation.requestHeaders == [
                HeaderMatcher("a", .value(StringMatcher(.exact("b"))), treatsMissingAsEmpty: true),
                HeaderMatcher("c", .value(StringMatcher(.exact(""))), treatsMissingAsEmpty: true),
            ]
        )
    }

    @Test func `Envoy's runtime and typed metadata are warnings`() throws {
        let text = """
            runtime: {re2.max_program_size.error_level: 32768}
            tests:
            - test_name: t
              input:
                authority: h
                path: /
                dynamic_metadata: [{metadata_namespace: n, typed_value: {"@type": x}}]
              validate: {cluster_name: a}
            """
        let file = try RouteCheckFile(Fixture.file("t.yaml", text))
        #expect(file.checks.count == 1)
        #expect(file.warnings.map { $0.prefix { $0 != " " } } == ["t.yaml:1:10:", "t.yaml:7:61:"])
    }

    @Test(arguments: [
        ("", "t.yaml:1:1: the file has no content"),
        ("tests: [", "t.yaml:2:1: this is not YAML"),
        ("tests: []\n---\ntests: []", "t.yaml:3:1: only one document is expected"),
        ("a: 1\na: 2", "t.yaml:1:1: the key a stands twice"),
        ("{\"tests\": [}", "t.yaml:1:12"),
        ("text", "t.yaml:1:1: must be an object, is a text"),
    ])
    func `what is no document is told with its place`(_ text: String, _ place: String) {
        #expect(problems(text).first?.contains(place) == true, "\(problems(text))")
    }

    @Test func `files that nest too deep or are no text are refused`() {
        let depth = 5000
        #expect(problems(String(repeating: "[", count: depth)).count == 1)
        #expect(problems(String(repeating: "- ", count: depth)).count == 1)
        #expect(throws: InputError.self) { try RouteCheckFile(InputFile(name: "t", bytes: [0x61, 0xFF])) }
        #expect(throws: InputError.self) { try RouteCheckFile(InputFile(name: "t", bytes: [0x7B, 0xFF])) }
    }

    @Test func `aliases cannot blow a file up`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 8).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(problems(text).first?.contains("too many values") == true)
    }
}
