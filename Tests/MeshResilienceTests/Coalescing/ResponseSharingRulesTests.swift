// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct ResponseSharingRulesTests {
    private let standard = ResponseSharingRules.standard

    @Test(
        arguments: [
            ("authorization", "Bearer a"), ("proxy-authorization", "Basic a"), ("cookie", "a=b"),
            ("range", "bytes=0-1"),
            ("if-range", "\"a\""), ("if-match", "\"a\""), ("if-none-match", "\"a\""), ("cache-control", "no-cache"),
            ("if-modified-since", "Sat, 29 Oct 1994 19:43:31 GMT"),
            ("if-unmodified-since", "Sat, 29 Oct 1994 19:43:31 GMT"),
        ]
    )
    func `a field that makes an answer one caller's shares nothing, unless it is told to belong to the key`(
        name: String,
        value: String
    ) {
        let request = InMemoryRequest(headers: [(HeaderName(name), value)])
        #expect(standard.key(of: request) == nil)
        let told = ResponseSharingRules(keyHeaders: [HeaderName(name)])
        #expect(told.key(of: request) != nil)
        #expect(told.key(of: request) != told.key(of: InMemoryRequest()))
    }

    @Test func `a key is the target, the method and the fields that an answer varies by`() {
        let requests = [
            InMemoryRequest(), InMemoryRequest(method: "HEAD"), InMemoryRequest(scheme: "https"),
            InMemoryRequest(authority: "ratings"), InMemoryRequest(path: "/?a=b"),
            InMemoryRequest(headers: [("accept", "text/html")]), InMemoryRequest(headers: [("accept-language", "de")]),
            InMemoryRequest(headers: [("accept-encoding", "gzip")]),
        ]
        #expect(Set(requests.map { standard.key(of: $0) }).count == requests.count)
        #expect(standard.key(of: InMemoryRequest(headers: [("x-other", "a")])) == standard.key(of: InMemoryRequest()))
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            #expect(standard.key(of: InMemoryRequest(method: method)) == nil)
        }
        let events = InMemoryRequest(headers: [("accept", "application/json, text/event-stream")])
        #expect(standard.key(of: events) == nil)
    }

    @Test func `an answer is for others by its own word, and for those who come later only with status 200`() {
        #expect(standard.isForOthers(InMemoryResponse(503)) && !standard.isForEverybody(InMemoryResponse(503)))
        #expect(standard.isForEverybody(InMemoryResponse(200)))
        let vary = InMemoryResponse(200, headers: ["vary": "X-User"])
        #expect(!standard.isForOthers(vary))
        #expect(ResponseSharingRules(keyHeaders: ["x-user"]).isForEverybody(vary))
        // Whoever carries a cookie shares nothing, so that all who share carry the same: none.
        #expect(standard.isForEverybody(InMemoryResponse(200, headers: ["vary": "Cookie, Authorization"])))
        #expect(
            !ResponseSharingRules(keyHeaders: ["*"]).isForOthers(InMemoryResponse(200, headers: ["set-cookie": "a"]))
        )
    }

    @Test func `a vary of everything is never met`() {
        let everything = InMemoryResponse(200, headers: ["vary": "*"])
        #expect(!standard.isForOthers(everything))
        #expect(!ResponseSharingRules(keyHeaders: ["*"]).isForOthers(everything))
    }

    @Test func `broken bounds are all named`() {
        let broken = ResponseSharingRules(
            keyHeaders: Array(repeating: "a", count: 32) + [""],
            maximumBytes: 1 << 31
        )
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(error?.problems.map(\.path) == ["keyHeaders", "keyHeaders[32]", "maximumBytes"])
    }
}
