// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshURLSession

@Suite("The hosts of a mesh")
struct HostRoutesTests {
    @Test(arguments: [
        ("reviews", 1), ("REVIEWS", 1), ("a.shop.internal", 2), ("b.a.shop.internal", 2), ("x.eu.shop.internal", 3),
        ("shop.internal", nil), ("myshop.internal", nil), ("reviews.example", nil), ("", nil), (".", nil),
    ])
    func `are names and suffixes, the longest first`(host: String, destination: Int?) {
        var routes = HostRoutes<Int>()
        routes.add(1, for: ["Reviews"])
        routes.add(2, for: ["*.shop.internal"])
        routes.add(3, for: ["*.eu.shop.internal"])
        #expect(routes[host] == destination)
        routes.remove(["reviews", "*.shop.internal", "*.eu.shop.internal"])
        #expect(routes[host] == nil)
    }
}
