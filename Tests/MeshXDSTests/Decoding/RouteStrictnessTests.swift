// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import Testing

@testable import MeshXDS

/// What Envoy 1.40 said of the same configurations when it was asked with `--mode validate`.
@Suite("Strictness of the route decoder")
struct RouteStrictnessTests {
    private enum Place: String, CaseIterable {
        case table, host, route, share
    }

    private static func problems(_ text: String) -> [String] {
        do {
            _ = try ResourceDocument(json: text).routeConfiguration()
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    /// A table with some fields at one level.
    private static func table(_ fields: String, at place: Place = .route) -> String {
        func extra(_ here: Place) -> String { here == place ? fields + "," : "" }
        return """
            {\(extra(.table)) "virtual_hosts": [{\(extra(.host)) "name": "v", "domains": ["*"], "routes": [
              {\(extra(.route)) "match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [
                {\(extra(.share)) "name": "c", "weight": 1}]}}}]}]}
            """
    }

    private static func path(_ place: Place) -> String {
        switch place {
        case .table: ""
        case .host: "virtual_hosts[0]."
        case .route: "virtual_hosts[0].routes[0]."
        case .share: "virtual_hosts[0].routes[0].route.weighted_clusters.clusters[0]."
        }
    }

    @Test(
        "names that Envoy refuses in changes of headers are refused at every level, with the field's path",
        arguments: [
            "", ":path", ":method", ":status", ":authority", ":x", "host", "Host", #"x\na"#, #"x\u0000a"#, #"x\ra"#,
        ]
    )
    func names(_ name: String) {
        for place in Place.allCases {
            for list in ["request_headers", "response_headers"] {
                let added = Self.problems(
                    Self.table(#""\#(list)_to_add": [{"header": {"key": "\#(name)", "value": "1"}}]"#, at: place)
                )
                #expect(added.first?.contains(Self.path(place) + list + "_to_add[0].header.key: ") == true, "\(added)")
                let removed = Self.problems(Self.table(#""\#(list)_to_remove": ["\#(name)"]"#, at: place))
                #expect(removed.first?.contains(Self.path(place) + list + "_to_remove[0]: ") == true, "\(removed)")
            }
        }
    }

    /// Envoy takes them and sends what no peer understands; HTTP has no such names (RFC 9110 §5.6.2).
    @Test("names that no header can have are refused, though Envoy takes them", arguments: ["x a", "x:a", "x/a", "xé"])
    func impossibleNames(_ name: String) {
        #expect(!Self.problems(Self.table(#""request_headers_to_remove": ["\#(name)"]"#)).isEmpty)
    }

    @Test("names that Envoy takes are taken", arguments: ["x-a", "X-A", "x_a", "x.a", "content-length"])
    func goodNames(_ name: String) {
        for place in Place.allCases {
            let add = #""request_headers_to_add": [{"header": {"key": "\#(name)", "value": "%PROTOCOL%"}}]"#
            #expect(Self.problems(Self.table(add, at: place)).isEmpty)
            #expect(Self.problems(Self.table(#""response_headers_to_remove": ["\#(name)"]"#, at: place)).isEmpty)
        }
    }

    @Test(
        "values that would break out of their field, or whose format is bad, are refused",
        arguments: [#"a\nb"#, #"a\rb"#, #"a\u0000b"#, "%", "%FOO%"]
    )
    func values(_ value: String) {
        for list in ["request_headers", "response_headers"] {
            let fields = #""\#(list)_to_add": [{"header": {"key": "x", "value": "\#(value)"}}]"#
            let problems = Self.problems(Self.table(fields))
            let path = Self.path(.route) + list + "_to_add[0].header.value"
            #expect(problems.first?.contains(path) == true, "\(problems)")
        }
    }

    @Test("values that Envoy takes are taken", arguments: ["", " a", #"a\tb"#, "é", "%%"])
    func goodValues(_ value: String) {
        let text = #""request_headers_to_add": [{"header": {"key": "x", "value": "\#(value)"}}]"#
        #expect(Self.problems(Self.table(text)).isEmpty)
    }

    /// Envoy takes the first three and sends them; here no header has bytes that are no text.
    @Test("raw values keep the rules of values", arguments: ["YQpi", "YQBi", "/w=="])
    func rawValues(_ base64: String) {
        let problems = Self.problems(
            Self.table(#""request_headers_to_add": [{"header": {"key": "x", "raw_value": "\#(base64)"}}]"#)
        )
        #expect(problems.first?.contains("request_headers_to_add[0].header.raw_value: ") == true, "\(problems)")
    }

    @Test(
        "rewrites and redirects keep them, too",
        arguments: [
            (#""route": {"cluster": "c", "host_rewrite_literal": "a\nb"}"#, "route.host_rewrite_literal"),
            (#""route": {"cluster": "c", "prefix_rewrite": "/a\rb"}"#, "route.prefix_rewrite"),
            (#""route": {"cluster": "c", "host_rewrite_header": "a\nb"}"#, "route.host_rewrite_header"),
            (#""redirect": {"host_redirect": "a\nb"}"#, "redirect.host_redirect"),
            (#""redirect": {"path_redirect": "/a\nb"}"#, "redirect.path_redirect"),
            (#""redirect": {"prefix_rewrite": "/a\u0000b"}"#, "redirect.prefix_rewrite"),
        ]
    )
    func rewrites(_ action: String, _ field: String) {
        let problems = Self.problems(
            #"{"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, \#(action)}]}]}"#
        )
        #expect(problems.first?.contains(Self.path(.route) + field + ": ") == true, "\(problems)")
    }

    // MARK: keep_matching

    private static let type = #""@type": "type.googleapis.com/envoy"#
    private static let action = """
        "action": {"name": "a", "typed_config": {\(type).config.route.v3.Route", "match": {"prefix": "/"},
          "route": {"cluster": "c"}}}
        """
    private static let input = """
        "input": {"name": "i", "typed_config": {\(type).type.matcher.v3.HttpRequestHeaderMatchInput",
          "header_name": "x"}}
        """

    private static func list(_ onMatch: String) -> String {
        """
        "matcher_list": {"matchers": [{"predicate": {"single_predicate": {\(input), "value_match": {"exact": "1"}}},
          "on_match": {\(onMatch)}}]}
        """
    }

    private static func map(_ kind: String, _ onMatch: String) -> String {
        #""matcher_tree": {\#(input), "\#(kind)": {"map": {"1": {\#(onMatch)}}}}"#
    }

    private static func tree(_ matcher: String) -> String {
        #"{"virtual_hosts": [{"name": "v", "domains": ["*"], "matcher": {\#(matcher)}}]}"#
    }

    @Test("keep_matching is refused wherever it stands in a tree of routes, as Envoy refuses it")
    func keepMatching() {
        let kept = action + #", "keep_matching": true"#
        let keptTree = #""matcher": {\#(Self.list(action))}, "keep_matching": true"#
        let root = "virtual_hosts[0].matcher."
        let cases: [(matcher: String, path: String)] = [
            (Self.list(kept), "matcher_list.matchers[0].on_match"),
            (Self.map("exact_match_map", kept), "matcher_tree.exact_match_map.map[1]"),
            (Self.map("prefix_match_map", kept), "matcher_tree.prefix_match_map.map[1]"),
            (Self.list(action) + #", "on_no_match": {\#(kept)}"#, "on_no_match"),
            (#""on_no_match": {\#(kept)}"#, "on_no_match"),
            (Self.list(keptTree), "matcher_list.matchers[0].on_match"),
            (Self.map("exact_match_map", keptTree), "matcher_tree.exact_match_map.map[1]"),
            (Self.list(action) + #", "on_no_match": {\#(keptTree)}"#, "on_no_match"),
            (
                Self.list(#""matcher": {\#(Self.list(kept))}"#),
                "matcher_list.matchers[0].on_match.matcher.matcher_list.matchers[0].on_match"
            ),
        ]
        for (matcher, path) in cases {
            let problems = Self.problems(Self.tree(matcher))
            #expect(problems.first?.contains("\(root)\(path).keep_matching: is not supported") == true, "\(problems)")
        }
        #expect(Self.problems(Self.tree(Self.list(action))).isEmpty)
        #expect(Self.problems(Self.tree(Self.list(action + #", "keep_matching": false"#))).isEmpty)
    }

    private var action: String { Self.action }
}
