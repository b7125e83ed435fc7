// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct SessionStateTests {
    private let now = Nanoseconds.seconds(5)
    private let cookie = SessionState.cookie(.init("global-session", lifetime: .seconds(120), path: "/path"))

    private func binding(_ state: SessionState, cookie: String, path: String = "/path") -> SessionBinding? {
        state.binding(of: InMemoryRequest(path: path, headers: [("cookie", cookie)]), at: now)
    }

    @Test(arguments: [
        ("/path", "/path", true), ("/path", "/path/a", true), ("/path", "/path?a", true), ("/path", "/path#a", true),
        ("/path", "/pathology", false), ("/path", "/pat", false), ("/foo/", "/foo/bar", true), ("/foo/", "/foo", false),
        ("", "/anything", true), ("/", "/anything", true),
    ])
    func `a cookie's path says which requests belong to a session`(own: String, path: String, belongs: Bool) {
        let state = SessionState.cookie(.init("s", path: own))
        #expect((binding(state, cookie: "", path: path) != nil) == belongs)
    }

    @Test func `a response from elsewhere sets the cookie, and the next request is bound by it`() throws {
        let field = try #require(cookie.field(for: "1.2.3.4:80", after: SessionBinding(address: nil), at: now))
        // The message is 0A 0A "1.2.3.4:80" 10 7D: the address, and that it expires in second 125.
        #expect(field.value == "global-session=\"CgoxLjIuMy40OjgwEH0=\"; Max-Age=120; Path=/path; HttpOnly")
        #expect(field.name == "set-cookie" && !field.replaces)
        #expect(binding(cookie, cookie: "a=b; global-session=\"CgoxLjIuMy40OjgwEH0=\"")?.address == "1.2.3.4:80")
        #expect(cookie.field(for: "1.2.3.4:80", after: SessionBinding(address: "1.2.3.4:80"), at: now) == nil)
        #expect(cookie.field(for: "1.2.3.4:81", after: SessionBinding(address: "1.2.3.4:80"), at: now) != nil)
    }

    @Test func `a cookie that has expired says nothing`() {
        let request = InMemoryRequest(path: "/path", headers: [("cookie", "global-session=CgoxLjIuMy40OjgwEH0=")])
        let last = Nanoseconds(rawValue: 125_999_999_999)
        #expect(cookie.binding(of: request, at: last)?.address == "1.2.3.4:80")
        #expect(cookie.binding(of: request, at: .seconds(126))?.address == nil)
    }

    @Test(
        arguments: [
            ("MS4yLjMuNDo4MA==", "1.2.3.4:80"), ("CgoxLjIuMy40OjgwEH0=", "1.2.3.4:80"),
            ("CgoxLjIuMy40Ojgw", "1.2.3.4:80"),
            ("", nil), ("!!!!", nil), ("MS4yLjMuNDo4MA", nil), ("EH0=", nil), ("Cv8=", nil), ("/////w==", nil),
        ] as [(String, String?)]
    )
    func `old cookies are an address alone; what is neither binds nothing`(value: String, address: String?) {
        #expect(binding(cookie, cookie: "global-session=\(value)")?.address == address)
    }

    @Test func `attributes stand before HttpOnly, and no lifetime means none is said`() throws {
        let state = SessionState.cookie(.init("s", attributes: [.init("SameSite", "Strict"), .init("Secure")]))
        let field = try #require(state.field(for: "1.2.3.4:80", after: SessionBinding(address: nil), at: now))
        #expect(field.value == "s=\"CgoxLjIuMy40Ojgw\"; SameSite=Strict; Secure; HttpOnly")
    }

    @Test func `a header names the endpoint, and the answer replaces it`() throws {
        let state = SessionState.header("session-header")
        let bound = InMemoryRequest(headers: [("session-header", "MS4yLjMuNDo4MA==")])
        #expect(state.binding(of: bound, at: now)?.address == "1.2.3.4:80")
        #expect(state.binding(of: InMemoryRequest(), at: now) == SessionBinding(address: nil))
        let field = try #require(state.field(for: "1.2.3.4:80", after: SessionBinding(address: nil), at: now))
        #expect(field.name == "session-header" && field.value == "MS4yLjMuNDo4MA==" && field.replaces)
    }

    @Test func `random cookies are read without harm`() {
        let random = MeshRandom(seed: 3)
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        for _ in 0..<20_000 {
            let text = String((0..<Int(random.below(6) * 4)).map { _ in digits[Int(random.below(64))] })
            _ = binding(cookie, cookie: "global-session=\(text)")
        }
        // Bytes of every length come back as they went.
        for length in 0..<200 {
            let address = String(repeating: "x", count: length + 1)
            let header = SessionState.header("h")
            let field = header.field(for: address, after: SessionBinding(address: nil), at: now)
            let request = InMemoryRequest(headers: [("h", field?.value ?? "")])
            #expect(header.binding(of: request, at: now)?.address == address)
        }
    }
}
