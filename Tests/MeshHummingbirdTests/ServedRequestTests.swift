// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import Testing

@testable import MeshHummingbird

@Suite("ServedRequest")
struct ServedRequestTests {
    @Test("several values of a header are joined by commas, whatever the case of their names")
    func joinsValues() throws {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "reviews:9080", path: "/reviews/0?full=1")
        let upper = try #require(HTTPField.Name("X-Test"))
        let lower = try #require(HTTPField.Name("x-test"))
        head.headerFields.append(HTTPField(name: upper, value: "a"))
        head.headerFields.append(HTTPField(name: lower, value: "b"))
        let request = ServedRequest(head: head)
        #expect(request.value(of: "x-TEST") == "a,b")
        #expect(request.value(of: "absent") == nil)
        #expect(request.authority == "reviews:9080")
        #expect(request.pathWithoutQuery == "/reviews/0")
        #expect(!request.isReplayable)
    }

    @Test("a header can be replaced, added to and removed")
    func changesHeaders() {
        var request = ServedRequest(head: HTTPRequest(method: .get, scheme: nil, authority: nil, path: nil))
        request.setValue("1", for: "x-count")
        request.appendValue("2", for: "x-count")
        #expect(request.value(of: "x-count") == "1,2")
        request.setValue("3", for: "x-count")
        #expect(request.value(of: "x-count") == "3")
        request.removeValues(of: "x-count")
        #expect(request.value(of: "x-count") == nil)
        #expect(request.path == "/")
    }
}
