// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Testing

@Suite struct RequestHeadTests {
    @Test(arguments: [
        ("/a", "/a"), ("/a?b", "/a"), ("/a#b", "/a"), ("/?", "/"), ("?x", ""), ("", ""), ("/a?b?c#d", "/a"),
        ("/a#b?c", "/a"),
    ])
    func `the path ends at the query or the fragment`(path: String, expected: String) {
        #expect(InMemoryRequest(path: path).pathWithoutQuery == expected)
    }

    @Test(arguments: [
        ("GET", true), ("HEAD", true), ("PUT", true), ("DELETE", true), ("OPTIONS", true), ("TRACE", true),
        ("POST", false), ("PATCH", false), ("CONNECT", false), ("get", false), ("BREW", false),
    ])
    func `the methods of RFC 9110 §9.2.2 are idempotent, unknown ones are not`(method: String, expected: Bool) {
        #expect(InMemoryRequest(method: method).isIdempotent == expected)
    }
}
