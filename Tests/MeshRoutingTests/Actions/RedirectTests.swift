// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// Where a real Envoy 1.40 sends callers.
@Suite struct RedirectTests {
    /// `(redirect, authority, path below the route's prefix, location)` for routes of the prefix `/r/`, over `http`.
    static let known: [(Redirect, String, String, String)] = [
        (Redirect(scheme: "https"), "h", "/r/a?q=1", "https://h/r/a?q=1"),
        (Redirect(scheme: "https"), "h:80", "/r/a", "https://h/r/a"),
        (Redirect(scheme: "https"), "h:443", "/r/a", "https://h:443/r/a"),
        (Redirect(scheme: "https"), "h:8080", "/r/a", "https://h:8080/r/a"),
        (Redirect(scheme: "https"), "[::1]:80", "/r/a", "https://[::1]/r/a"),
        (Redirect(scheme: "https"), "[::1]", "/r/a", "https://[::1]/r/a"),
        (Redirect(scheme: "https", port: 443), "h:80", "/r/a", "https://h:443/r/a"),
        (Redirect(scheme: "ftp"), "h:80", "/r/a", "ftp://h/r/a"),
        (Redirect(scheme: "HTTPS"), "h:80", "/r/a", "HTTPS://h/r/a"),
        (Redirect(scheme: "http"), "h:80", "/r/a", "http://h:80/r/a"),
        (Redirect(host: "new.com"), "h:80", "/r/a?q=1", "http://new.com/r/a?q=1"),
        (Redirect(host: "new.com:81", port: 99), "h", "/r/a", "http://new.com:81:99/r/a"),
        (Redirect(port: 8443), "h:80", "/r/a", "http://h:8443/r/a"),
        (Redirect(port: 8443), "[::1]:80", "/r/a", "http://[::1]:8443/r/a"),
        (Redirect(port: 8443), "[::1]", "/r/a", "http://[::1]:8443/r/a"),
        (Redirect(path: .whole("/np")), "h:80", "/r/a?q=1", "http://h:80/np?q=1"),
        (Redirect(path: .whole("/np?a=1")), "h", "/r/a?q=1", "http://h/np?a=1"),
        (Redirect(path: .whole("/np"), stripsQuery: true), "h", "/r/a?q=1", "http://h/np"),
        (Redirect(path: .whole("/np?a=1"), stripsQuery: true), "h", "/r/a?q=1", "http://h/np?a=1"),
        (Redirect(path: .whole("np")), "h", "/r/a?q=1", "http://h/np?q=1"),
        (Redirect(path: .rewritten(.prefix("/zz"))), "h", "/r/a?q=1", "http://h/zza?q=1"),
        (Redirect(path: .rewritten(.prefix("zz")), stripsQuery: true), "h", "/r/a?q=1", "http://h/zza"),
        (Redirect(host: "nn", path: .rewritten(.prefix("/zz"))), "h:80", "/r/a", "http://nn/zza"),
        (Redirect(path: .rewritten(.prefix("/a#b"))), "h", "/r/a?q=1", "http://h/a#ba?q=1"),
        (Redirect(stripsQuery: true), "h", "/r/a?q=1", "http://h/r/a"), (Redirect(), "h", "/r/a", "http://h/r/a"),
        (Redirect(scheme: "", host: "", path: .whole("")), "h:80", "/r/a", "http://h:80/r/a"),
        (Redirect(scheme: "https"), "", "/r/a", "https:///r/a"),
    ]

    @Test(arguments: known)
    func `a redirect leads to its location`(
        redirect: Redirect,
        authority: String,
        path: String,
        location: String
    ) {
        let request = InMemoryRequest(authority: authority, path: path)
        #expect(redirect.location(for: request, matchedBy: PathMatcher(.prefix("/r/"))) == location)
    }

    @Test func `an expression rewrites the path, and none that leaves nothing does`() throws {
        let swap = RegexSubstitution(try RegularExpression("/(\\w+)/(.*)"), substitution: "/\\2/\\1")
        let nothing = RegexSubstitution(try RegularExpression(".*"), substitution: "")
        let request = InMemoryRequest(authority: "h", path: "/r/a?q=1")
        let swapped = Redirect(path: .rewritten(.regularExpression(swap)))
        #expect(swapped.location(for: request, matchedBy: .any) == "http://h/a/r?q=1")
        let emptied = Redirect(path: .rewritten(.regularExpression(nothing)))
        #expect(emptied.location(for: request, matchedBy: .any) == "http://h/r/a?q=1")
    }

    /// `(x-forwarded-proto, scheme of the redirect, authority, location)`; Envoy takes the scheme from that field, too.
    static let forwarded: [(String, String, String, String)] = [
        ("https", "https", "h:443", "https://h:443/"), ("https", "http", "h:443", "http://h/"),
        ("https", "ftp", "h:443", "ftp://h/"), ("https", "http", "h:80", "http://h:80/"),
        ("http", "https", "h:80", "https://h/"), ("http", "https", "h:443", "https://h:443/"),
        ("HTTPS", "https", "h:443", "https://h/"), ("HTTP", "http", "h:80", "http://h/"),
        ("HTTP", "http", "h:443", "http://h:443/"),
    ]

    @Test(arguments: forwarded)
    func `the scheme that the caller came by decides which port goes without saying`(
        scheme: String,
        new: String,
        authority: String,
        location: String
    ) {
        let request = InMemoryRequest(scheme: scheme, authority: authority, headers: [("x-forwarded-proto", scheme)])
        #expect(Redirect(scheme: new).location(for: request, matchedBy: .any) == location)
    }

    @Test func `a request that must come by TLS is sent to the same place`() {
        #expect(Redirect.secureLocation(for: InMemoryRequest(authority: "h:80", path: "/a?b")) == "https://h:80/a?b")
    }

    @Test func `the header of the answer sees the rewritten path`() {
        var request = InMemoryRequest(path: "/r/a?q")
        Redirect(path: .rewritten(.prefix("/zz/"))).rewritePath(of: &request, matchedBy: PathMatcher(.prefix("/r/")))
        #expect(request.path == "/zz/a?q")
        #expect(request.value(of: "x-envoy-original-path") == "/r/a?q")
        var other = InMemoryRequest(path: "/r/a")
        Redirect(path: .whole("/zz")).rewritePath(of: &other, matchedBy: .any)
        #expect(other == InMemoryRequest(path: "/r/a"))
    }
}
