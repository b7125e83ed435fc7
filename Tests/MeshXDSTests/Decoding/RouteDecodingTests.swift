// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import Testing

@testable import MeshXDS

/// By Envoy's rules for the fields of routes; the messages are written as JSON, which the same decoder reads.
@Suite("Decoding routes")
struct RouteDecodingTests {
    private func read(
        route: String = #"{"match": {"prefix": "/"}, "route": {"cluster": "c"}}"#,
        host: String = "",
        table: String = ""
    ) throws -> ReadResource<RouteConfiguration> {
        let text = """
            {\(table) "virtual_hosts": [{\(host) "name": "all", "domains": ["*"], "routes": [\(route)]}]}
            """
        return try ResourceDocument(json: text).routeConfiguration()
    }

    private func route(_ text: String, host: String = "", table: String = "") throws -> Route {
        try #require(try read(route: text, host: host, table: table).resource.virtualHosts.first?.routes.first)
    }

    private func problems(_ route: String, host: String = "", table: String = "") -> [String] {
        do {
            _ = try read(route: route, host: host, table: table)
            return []
        } catch {
            return (error as? ConfigurationError)?.problems.map(\.description) ?? []
        }
    }

    private static func forward(_ fields: String) -> String {
        #"{"match": {"prefix": "/"}, "route": {"cluster": "c", \#(fields)}}"#
    }

    private static let cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"

    private static func cors(_ fields: String) -> String {
        #""typed_per_filter_config": {"envoy.filters.http.cors": {"@type": "\#(cors)", \#(fields)}}"#
    }

    @Test(
        "what Envoy refuses is refused by name",
        arguments: [
            (forward(#""prefix_rewrite": "/a", "regex_rewrite": {"pattern": {"regex": "a"}}"#), "more than one"),
            (forward(#""regex_rewrite": {"pattern": {"regex": "a"}, "substitution": "\\1"}"#), "substitution"),
            (forward(#""request_mirror_policies": [{}]"#), "either cluster or cluster_header"),
            (forward(#""hash_policy": [{"header": {"header_name": ""}}]"#), "header_name"),
            (forward(#""internal_redirect_policy": {"response_headers_to_copy": [":path"]}"#), "may not be changed"),
            (forward(#""internal_redirect_policy": {"redirect_response_codes": [1,2,3,4,5,6]}"#), "at most 5"),
            (#"{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"filename": "x"}}}"#, "filename"),
            (#"{"match": {"path_separated_prefix": "/a/"}, "route": {"cluster": "c"}}"#, "path_separated_prefix"),
            (#"{"match": {"path": "/", "query_parameters": [{"name": ""}]}, "route": {"cluster": "c"}}"#, "is empty"),
            (#"{"match": {"path": "/", "runtime_fraction": {}}, "route": {"cluster": "c"}}"#, "default_value"),
            (
                #"{"match": {"path": "/"}, "route": {"cluster": "c"}, "request_headers_to_add": [{"header": {"key": "Host", "value": "x"}}]}"#,
                "may not be changed"
            ),
            (
                #"{"match": {"path": "/"}, "route": {"cluster": "c"}, "request_headers_to_add": [{"header": {"key": "a", "value": "x"}, "append": true, "append_action": "ADD_IF_ABSENT"}]}"#,
                "beside append_action"
            ),
        ]
    )
    func refusals(_ route: String, _ part: String) {
        let problems = problems(route)
        #expect(problems.count == 1)
        #expect(problems.first?.contains(part) == true, "\(problems)")
    }

    @Test("a condition that is not supported leaves the route out, and says so")
    func unsupportedCondition() throws {
        let read = try read(
            route: #"{"match": {"prefix": "/", "filter_state": [{"key": "k"}]}, "route": {"cluster": "c"}}"#
        )
        #expect(read.resource.virtualHosts.first?.routes == [])
        #expect(read.ignored.map(\.path) == ["virtual_hosts[0].routes[0].match.filter_state"])
    }

    @Test("an action that is not supported takes its requests and refuses them")
    func unsupportedAction() throws {
        let route = try route(#"{"match": {"prefix": "/"}, "route": {"cluster": "c", "path_rewrite": "%REQ(x)%"}}"#)
        guard case .directResponse(let reply) = route.action else {
            Issue.record("\(route.action)")
            return
        }
        #expect(reply.status == 501)
        #expect(reply.body.contains("path_rewrite"))
    }

    @Test("the older way of saying what a header change does is read as Envoy reads it")
    func legacyAppend() throws {
        let route = try route(
            #"""
            {"match": {"prefix": "/"}, "route": {"cluster": "c"}, "request_headers_to_add": [
              {"header": {"key": "a", "value": "1"}}, {"header": {"key": "a", "value": "1"}, "append": false},
              {"header": {"key": "a", "value": "1"}, "append": true}]}
            """#
        )
        #expect(
            route.headers.requestAdditions.map(\.action) == [
                .appendIfExistsOrAdd, .overwriteIfExistsOrAdd, .appendIfExistsOrAdd,
            ]
        )
    }

    @Test("CORS is put together field by field, and only the lowest level says for which share")
    func corsLevels() throws {
        let merged = try route(
            #"{"match": {"prefix": "/"}, "route": {"cluster": "c"}, \#(Self.cors(#""allow_methods": "GET""#))}"#,
            host: Self.cors(
                #"""
                "allow_origin_string_match": [{"exact": "a"}], "allow_methods": "PUT", "max_age": "1",
                "filter_enabled": {"default_value": {"numerator": 0}}, "forward_not_matching_preflights": false
                """#
            ) + ","
        )
        #expect(
            merged.cors
                == CORSPolicy(
                    origins: [StringMatcher(.exact("a"))],
                    methods: "GET",
                    maximumAge: "1",
                    forwardsOtherPreflights: false
                )
        )
    }

    @Test("the older field for CORS counts only where no filter says anything")
    func legacyCORS() throws {
        let older = #""cors": {"allow_methods": "PUT"},"#
        let plain = #"{"match": {"prefix": "/"}, "route": {"cluster": "c"}}"#
        #expect(try route(plain, host: older).cors?.methods == "PUT")
        #expect(try route(plain, host: older, table: Self.cors(#""max_age": "1""#) + ",").cors?.methods == "")
        let own = Self.forward(#""cors": {"allow_methods": "GET"}"#)
        #expect(try route(own, host: older).cors?.methods == "GET")
    }

    @Test("a filter that a route switches off is off there, whatever is said above")
    func switchedOff() throws {
        let off = #"{"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true}"#
        let route = try route(
            #"""
            {"match": {"prefix": "/"}, "route": {"cluster": "c"}, "typed_per_filter_config": {
              "envoy.filters.http.cors": \#(off), "envoy.filters.http.buffer": \#(off),
              "envoy.filters.http.local_ratelimit": \#(off)}}
            """#,
            host: Self.cors(#""allow_methods": "PUT""#) + ","
        )
        #expect(route.cors == nil)
        #expect(route.filters.buffer == .disabled)
        #expect(route.filters.localRateLimit == .disabled)
        #expect(route.rateLimit?.mode == .disabled)
    }

    @Test("gRPC's stream duration is the timeout where there is no other, and a limit of its own beside one")
    func timeouts() throws {
        func forward(_ fields: String) throws -> RouteAction.Forward {
            guard case .forward(let forward) = try route(Self.forward(fields)).action else {
                throw ConfigurationError(path: "", "is no forward")
            }
            return forward
        }
        let alone = try forward(#""max_stream_duration": {"max_stream_duration": "7s"}"#)
        #expect(alone.timeout == .seconds(7) && alone.streamDuration == nil)
        let beside = try forward(#""timeout": "3s", "max_stream_duration": {"max_stream_duration": "7s"}"#)
        #expect(beside.timeout == .seconds(3))
        #expect(beside.streamDuration == StreamDurationLimit(maximum: .seconds(7)))
        let older = try forward(#""timeout": "0s", "max_grpc_timeout": "1s", "grpc_timeout_offset": "0.1s""#)
        #expect(older.timeout == nil)
        #expect(
            older.streamDuration == StreamDurationLimit(maximumOfHeader: .seconds(1), headerOffset: .milliseconds(100))
        )
    }

    @Test("a tree chooses among routes, and may not stand beside a list")
    func tree() throws {
        let tree = #"""
            "matcher": {"matcher_tree": {"input": {"name": "h", "typed_config": {
              "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "x"}},
              "exact_match_map": {"map": {"a": {"action": {"name": "r", "typed_config": {
                "@type": "type.googleapis.com/envoy.config.route.v3.Route",
                "match": {"prefix": "/"}, "route": {"cluster": "c"}}}}}}}},
            """#
        let host = try #require(try read(route: "", host: tree).resource.virtualHosts.first)
        guard case .exact(let input, let outcomes)? = host.matcher?.root, case .action(let list)? = outcomes["a"]?.step
        else {
            Issue.record("\(String(describing: host.matcher))")
            return
        }
        #expect(input == .header("x"))
        #expect(list.routes.count == 1)
        #expect(problems(Self.forward(#""timeout": "1s""#), host: tree).first?.contains("beside routes") == true)
        let unknown = tree.replacing("HttpRequestHeaderMatchInput", with: "HttpRequestTrailerMatchInput")
        #expect(problems("", host: unknown).first?.contains("HttpRequestTrailerMatchInput is not supported") == true)
    }
}
