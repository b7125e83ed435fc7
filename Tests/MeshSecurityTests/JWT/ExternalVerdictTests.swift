// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import Testing

@Suite("What an authorizer changes in a request")
struct ExternalVerdictTests {
    private typealias Carried = JWTAuthenticatorTests.Carried

    private func applied(_ verdict: ExternalVerdict, _ request: JWTAuthenticatorTests.Carried)
        -> JWTAuthenticatorTests.Carried
    {
        var request = request
        verdict.apply(to: &request)
        return request
    }

    @Test func `headers are replaced, joined, added and taken away, as by Envoy`() {
        let verdict = ExternalVerdict(
            changes: [
                .init("x-set", "new"), .init("x-joined", "more", .append), .init("x-absent", "more", .append),
                .init("x-there", "other", .addIfAbsent), .init("x-other", "new", .addIfAbsent),
                .init("x-none", "v", .overwriteIfExists), .init("x-gone", "v"),
            ],
            removedHeaders: ["x-gone", "x-set-not"]
        )
        let request = applied(
            verdict,
            Carried("/", ["x-set": "a", "x-set": "b", "x-joined": "1", "x-joined": "2", "x-there": "1", "x-gone": "1"])
        )
        #expect(request.values(of: "x-set") == ["new"])
        #expect(request.values(of: "x-joined") == ["1,more", "2"])
        #expect(request.values(of: "x-absent") == [])
        #expect(request.values(of: "x-there") == ["1"])
        #expect(request.values(of: "x-other") == ["new"])
        #expect(request.values(of: "x-none") == [])
        #expect(request.values(of: "x-gone") == [])
    }

    @Test func `fields are replaced first, then added, then joined, whatever order the service has`() {
        let verdict = ExternalVerdict(
            changes: [
                .init("x-a", "3", .append), .init("x-a", "2", .add), .init("x-a", "1"), .init("x-a", "4", .append),
                .init("x-b", "2", .append), .init("x-b", "1"), .init("x-c", "2", .overwriteIfExists),
                .init("x-c", "1", .addIfAbsent),
            ]
        )
        let request = applied(verdict, Carried("/", ["x-a": "old", "x-a": "older"]))
        #expect(request.values(of: "x-a") == ["1,3,4", "2"])
        #expect(request.values(of: "x-b") == ["1,2"])
        #expect(request.values(of: "x-c") == ["2"])
    }

    @Test(arguments: [
        ("authorization", ["1,2,n"]), ("via", ["1,2,n"]), ("cookie", ["1; n", "2"]), ("x-b", ["1,n", "2"]),
    ])
    func `what is joined comes where Envoy puts it`(name: String, expected: [String]) {
        let header = HeaderName(name)
        var request = Carried("/")
        for value in ["1", "2"] { request.appendValue(value, for: header) }
        let verdict = ExternalVerdict(changes: [.init(header, "n", .append)])
        #expect(applied(verdict, request).values(of: header) == expected)
    }

    @Test func `neither the host nor the request line can be changed, nor a line be ended`() {
        let verdict = ExternalVerdict(
            changes: [.init("host", "evil"), .init(":path", "/admin"), .init("x-a", "b\r\nx-c: d")],
            removedHeaders: ["host", ":authority"]
        )
        let request = Carried("/", ["x-a": "1"])
        #expect(applied(verdict, request) == request)
    }

    @Test(arguments: [
        ("/p", "/p?q=a%26b"), ("/p?q=1&r=2&q=3", "/p?r=2&q=a%26b"), ("/p?gone", "/p?q=a%26b"),
        ("/p?r#f", "/p?r&q=a%26b#f"),
    ])
    func `parameters are set and taken away`(before: String, after: String) {
        let verdict = ExternalVerdict(setParameters: [("q", "a&b")], removedParameters: ["gone"])
        #expect(applied(verdict, Carried(before)).path == after)
    }
}
