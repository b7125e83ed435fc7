// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// Which redirects a real Envoy 1.40 follows, and with what request.
@Suite struct InternalRedirectPolicyTests {
    static let policy = InternalRedirectPolicy(
        maximumRedirects: 2,
        statuses: [301, 302, 303, 307],
        copiedHeaders: ["x-c", "x-d"]
    )

    static func follow(
        _ location: String?,
        status: Int = 302,
        request: InMemoryRequest = InMemoryRequest(authority: "h", path: "/one?q"),
        policy: InternalRedirectPolicy = policy,
        history: InternalRedirectHistory = InternalRedirectHistory(),
        headers: [LocalReply.Header] = []
    ) -> Result<InternalRedirectPolicy.Following<InMemoryRequest>, InternalRedirectRefusal> {
        let fields = (location.map { [LocalReply.Header("location", $0)] } ?? []) + headers
        return policy.following(LocalReply(status: status, headers: fields), to: request, history: history)
    }

    /// `(location, authority and path of the next request; nil for none)`.
    static let locations: [(String?, String?)] = [
        ("http://h2/tgt/x?y=1#f", "h2 /tgt/x?y=1"), ("http://h2:81/tgt", "h2:81 /tgt"), ("http://h2", "h2 /"),
        ("http://[::1]:5/tgt", "[::1]:5 /tgt"), ("http://u:p@h2/tgt", "h2 /tgt"), ("HTTP://H2/tgt", "H2 /tgt"),
        ("http://h2/tgt?x?y", "h2 /tgt?x?y"), ("http://h2#f", "h2 /"), ("/tgt", nil), ("tgt", nil), ("//h2/tgt", nil),
        ("", nil),
        (nil, nil), ("http://h2?x=1", nil), ("ftp://h2/tgt", nil), ("mailto:x@y", nil), ("http://h2/tgt/ü", nil),
        ("http://h2/tgt/a b", nil), ("http://h2:99999/tgt", nil), ("http://h_2/tgt", nil), ("http:///tgt", nil),
        ("http://[::1/tgt", nil), ("http://[x]/", nil), ("http://h2:/tgt", nil),
    ]

    @Test(arguments: locations)
    func `an absolute URL is followed`(location: String?, expected: String?) throws {
        switch Self.follow(location) {
        case .success(let next):
            #expect("\(next.request.authority ?? "") \(next.request.path)" == expected)
            #expect(next.request.values(of: "x-envoy-original-url") == ["http://h/one?q"])
        case .failure(let refusal):
            #expect(expected == nil)
            #expect(refusal == .badLocation)
        }
    }

    @Test func `only the policy's statuses are followed`() {
        #expect(Self.follow("http://h2/", status: 308).refusal == .notARedirect)
        #expect(Self.follow("http://h2/", status: 200).refusal == .notARedirect)
        #expect(Self.follow("http://h2/", status: 301).refusal == nil)
        #expect(Self.follow("http://h2/", status: 301, policy: InternalRedirectPolicy()).refusal == .notARedirect)
    }

    @Test func `a body that is gone cannot be sent again`() {
        #expect(Self.follow("http://h2/", request: InMemoryRequest(isReplayable: false)).refusal == .unreplayable)
    }

    @Test func `another scheme is followed only where that is allowed`() throws {
        #expect(Self.follow("https://h2/").refusal == .scheme)
        var open = Self.policy
        open.allowsCrossScheme = true
        let up = try Self.follow("https://h2/", policy: open).get()
        #expect(up.request.scheme == "https" && !up.isDowngrade)
        let secure = InMemoryRequest(scheme: "https", authority: "h", path: "/a")
        let down = try Self.follow("http://h2/", request: secure, policy: open).get()
        #expect(down.request.scheme == "http" && down.isDowngrade)
        #expect(down.request.value(of: "x-envoy-original-url") == "https://h/a")
    }

    @Test(arguments: [("POST", "GET"), ("PUT", "GET"), ("GET", "GET"), ("HEAD", "HEAD")])
    func `303 asks with GET`(method: String, expected: String) throws {
        let request = InMemoryRequest(method: method, headers: [("content-length", "3")])
        let next = try Self.follow("http://h2/", status: 303, request: request).get().request
        #expect(next.method == expected)
        #expect((next.value(of: "content-length") == nil) == (method != expected))
        #expect(try Self.follow("http://h2/", status: 307, request: request).get().request.method == method)
    }

    @Test func `fields of the response are copied, and those that it lacks are lost`() throws {
        let request = InMemoryRequest(headers: [("x-c", "old"), ("x-d", "old"), ("x-e", "kept")])
        let copied: [LocalReply.Header] = [.init("x-c", "1"), .init("x-c", "2"), .init("x-f", "3")]
        let next = try Self.follow("http://h2/", request: request, headers: copied).get().request
        #expect(next.values(of: "x-c") == ["1", "2"])
        #expect(next.values(of: "x-d") == [])
        #expect(next.values(of: "x-e") == ["kept"])
        #expect(next.values(of: "x-f") == [])
    }

    @Test func `as many redirects are followed as the policy allows`() {
        var history = InternalRedirectHistory()
        for _ in 0..<2 {
            #expect(Self.follow("http://h2/", history: history).refusal == nil)
            history.follow(to: "b", from: "a")
        }
        #expect(Self.follow("http://h2/", history: history).refusal == .limit)
    }

    @Test func `predicates look at the route that a redirect leads to`() {
        var history = InternalRedirectHistory()
        let fresh = InternalRedirectPolicy(predicates: [.previousRoutes])
        #expect(history.admits("b", from: "a", isDowngrade: false, by: fresh))
        history.follow(to: "b", from: "a")
        #expect(!history.admits("b", from: "a", isDowngrade: false, by: fresh))
        #expect(history.admits("b", from: "c", isDowngrade: false, by: fresh))
        let listed = InternalRedirectPolicy(predicates: [.allowListed(["b"])])
        #expect(history.admits("b", from: "a", isDowngrade: true, by: listed))
        #expect(!history.admits("c", from: "a", isDowngrade: false, by: listed))
        let safe = InternalRedirectPolicy(predicates: [.allowListed(["b"]), .safeCrossScheme])
        #expect(history.admits("b", from: "a", isDowngrade: false, by: safe))
        #expect(!history.admits("b", from: "a", isDowngrade: true, by: safe))
    }
}

extension Result where Failure == InternalRedirectRefusal {
    fileprivate var refusal: InternalRedirectRefusal? {
        if case .failure(let refusal) = self { refusal } else { nil }
    }
}
