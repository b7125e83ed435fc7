// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// What a real Envoy 1.40 sends to mirrors.
@Suite struct RequestMirrorTests {
    static let hosts: [(String, String)] = [
        ("m", "m-shadow"), ("m:80", "m-shadow:80"), ("[::1]", "[::1]-shadow"), ("[::1]:80", "[::1]-shadow:80"),
        ("10.0.0.1:99", "10.0.0.1-shadow:99"), ("", ""),
    ]

    @Test(arguments: hosts)
    func `the copy's host is marked before its port`(host: String, marked: String) {
        let request = InMemoryRequest(authority: host, path: "/y?q", headers: [("z", "1")])
        let copy = RequestMirror(.cluster("b")).copy(of: request)
        #expect(copy.authority == marked)
        var back = copy
        back.authority = host
        #expect(back == request)
    }

    @Test func `a host of its own takes precedence, and marks may be left out`() {
        let request = InMemoryRequest(authority: "m:80")
        #expect(RequestMirror(.cluster("b"), host: "lit.host").copy(of: request).authority == "lit.host")
        #expect(RequestMirror(.cluster("b"), appendsShadowSuffix: false).copy(of: request) == request)
        let both = RequestMirror(.cluster("b"), appendsShadowSuffix: false, host: "lit")
        #expect(both.copy(of: request).authority == "lit")
    }

    @Test func `the share that is copied is decided by the request's number`() {
        let mirror = RequestMirror(.cluster("b"), fraction: RuntimeFraction(FractionalPercent(numerator: 30)))
        #expect(
            [0, 29, 30, 99, 129].map { mirror.copies(RoutingFacts(random: $0)) } == [true, true, false, false, true]
        )
    }

    @Test func `the cluster is the mirror's, or the one that a header names`() {
        let request = InMemoryRequest(headers: [("x-c", "one"), ("x-c", "two"), ("e", "")])
        #expect(RequestMirror(.cluster("b")).clusterName(for: request) == "b")
        #expect(RequestMirror(.header("x-c")).clusterName(for: request) == "one")
        #expect(RequestMirror(.header("e")).clusterName(for: request) == nil)
        #expect(RequestMirror(.header("none")).clusterName(for: request) == nil)
    }
}
