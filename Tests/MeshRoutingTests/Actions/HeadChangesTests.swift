// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// What a real Envoy 1.40 sends on.
@Suite struct HeadChangesTests {
    static func changes(
        host: HostRewrite? = nil,
        share: String? = "cluster.host",
        appends: Bool = true
    ) throws -> HeadChanges {
        HeadChanges(
            share: WeightedCluster("a", headers: try adding("auth-c", "%REQ(:AUTHORITY)%"), host: share),
            route: try adding("auth-r", "%REQ(:AUTHORITY)% %REQ(:PATH)%"),
            virtualHost: .none,
            table: .none,
            mostSpecificHeadersWin: false,
            match: PathMatcher(.prefix("/x")),
            pathRewrite: .prefix("/new"),
            hostRewrite: host,
            appendsForwardedHost: appends
        )
    }

    static func adding(_ name: HeaderName, _ value: String) throws -> HeaderMutations {
        HeaderMutations(requestAdditions: [HeaderAddition(name, try HeaderFormat(value))])
    }

    static func sent(_ changes: HeadChanges, _ request: InMemoryRequest) -> InMemoryRequest {
        var request = request
        changes.apply(to: &request, facts: FormatFacts())
        return request
    }

    @Test func `the share's authority comes first and leaves no trace`() throws {
        let request = Self.sent(
            try Self.changes(),
            InMemoryRequest(authority: "h", path: "/x/y?q=1", headers: [("x-envoy-original-path", "/zzz")])
        )
        #expect(request.authority == "cluster.host")
        #expect(request.path == "/new/y?q=1")
        #expect(request.values(of: "x-envoy-original-path") == ["/x/y?q=1"])
        #expect(request.values(of: "auth-c") == ["h"])
        #expect(request.values(of: "auth-r") == ["cluster.host /x/y?q=1"])
        #expect(request.value(of: "x-forwarded-host") == nil)
        #expect(request.value(of: "x-envoy-original-host") == nil)
    }

    @Test func `the route's authority follows and keeps the one before it`() throws {
        let request = Self.sent(
            try Self.changes(host: .literal("route.host")),
            InMemoryRequest(authority: "h", path: "/x", headers: [("x-forwarded-host", "p1,h")])
        )
        #expect(request.authority == "route.host")
        #expect(request.values(of: "x-forwarded-host") == ["p1,h,cluster.host"])
        #expect(request.values(of: "x-envoy-original-host") == ["cluster.host"])
    }

    static let rewrites: [(HostRewrite, String, String)] = {
        guard let expression = try? RegularExpression("^/x/(.+)$") else { return [] }
        let path = HostRewrite.path(RegexSubstitution(expression, substitution: "\\1.com"))
        return [
            (.literal("l:8"), "/x", "l:8"), (.header("x-h"), "/x", "one"), (.header("none"), "/x", "h"),
            (.header("empty"), "/x", "h"), (path, "/x/foo?z", "foo.com"), (path, "/xq?z", "/xq"),
            (.endpoint, "/x", "h"),
            (.literal(""), "/x", "h"),
        ]
    }()

    @Test func `all rewrites are there`() { #expect(Self.rewrites.count == 8) }

    @Test(arguments: rewrites)
    func `an authority comes from where the rewrite says`(rewrite: HostRewrite, path: String, expected: String) throws {
        let headers: [(name: HeaderName, value: String)] = [("x-h", "one"), ("x-h", "two"), ("empty", "")]
        let request = Self.sent(
            try Self.changes(host: rewrite, share: nil, appends: false),
            InMemoryRequest(authority: "h", path: path, headers: headers)
        )
        #expect(request.authority == expected)
        #expect(request.value(of: "x-envoy-original-host") == (expected == "h" ? nil : "h"))
        #expect(request.value(of: "x-forwarded-host") == nil)
    }

    @Test func `an attempt gets its endpoint's name`() throws {
        let changes = try Self.changes(host: .endpoint, share: nil)
        #expect(changes.takesEndpointName)
        var request = Self.sent(changes, InMemoryRequest(authority: "h", path: "/x"))
        #expect(request.authority == "h")
        changes.pick(of: "", in: &request)
        #expect(request.authority == "h")
        changes.pick(of: "host-of-a", in: &request)
        #expect(request.authority == "host-of-a")
        #expect(request.values(of: "x-forwarded-host") == ["h"])
        #expect(request.values(of: "x-envoy-original-host") == ["h"])
    }

    @Test func `an authority that is the last one noted is not noted again`() throws {
        let request = Self.sent(
            try Self.changes(host: .literal("r"), share: nil),
            InMemoryRequest(authority: "h", path: "/x", headers: [("x-forwarded-host", "a,h")])
        )
        #expect(request.values(of: "x-forwarded-host") == ["a,h"])
    }

    @Test func `a header that a route adds can name the authority`() throws {
        let changes = HeadChanges(
            route: try Self.adding("x-h", "%REQ(x-region)%.example"),
            virtualHost: .none,
            table: .none,
            mostSpecificHeadersWin: false,
            match: .any,
            hostRewrite: .header("x-h")
        )
        let request = Self.sent(changes, InMemoryRequest(headers: [("x-region", "eu")]))
        #expect(request.authority == "eu.example")
    }

    static let templates: [(String, String, String?)] = [
        ("/tpl/1/2/3?q=1", "/2/3/x/1?q=1", "/tpl/1/2/3?q=1"), ("/other/1?q", "/other/1?q", nil),
    ]

    @Test(arguments: templates)
    func `a template's variables are put into the path`(path: String, sent: String, original: String?) throws {
        let template = try PathTemplate("/tpl/{a}/{b=**}")
        let rewrite = PathRewrite.template(try PathTemplateRewrite("/{b}/x/{a}"))
        let match = PathMatcher(.template(template))
        let changes = HeadChanges(
            route: .none,
            virtualHost: .none,
            table: .none,
            mostSpecificHeadersWin: false,
            match: match,
            pathRewrite: rewrite
        )
        let request = Self.sent(changes, InMemoryRequest(path: path))
        #expect(request.path == sent)
        #expect(request.value(of: "x-envoy-original-path") == original)
        #expect(rewrite.rewritten(path, matchedBy: match) == (original == nil ? nil : sent))
    }

    @Test func `a route that changes nothing says so`() {
        let none = HeadChanges(
            route: .none,
            virtualHost: .none,
            table: .none,
            mostSpecificHeadersWin: true,
            match: .any,
            hostRewrite: .endpoint
        )
        #expect(none.isEmpty && none.takesEndpointName)
        let request = InMemoryRequest(path: "/a")
        #expect(Self.sent(none, request) == request)
    }
}
