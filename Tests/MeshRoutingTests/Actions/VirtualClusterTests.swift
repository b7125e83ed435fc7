// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct VirtualClusterTests {
    static func clusters() throws -> [VirtualCluster] {
        let rides = StringMatcher(.regularExpression(try RegularExpression("^/rides/\\d+$")))
        return [
            VirtualCluster(
                "update",
                headers: [
                    HeaderMatcher(":path", .value(rides)),
                    HeaderMatcher(":method", .value(StringMatcher(.exact("PUT")))),
                ]
            ),
            VirtualCluster("ride", headers: [HeaderMatcher(":path", .value(rides))]),
        ]
    }

    static let requests: [(String, String, String)] = [
        ("PUT", "/rides/1", "update"), ("GET", "/rides/1", "ride"), ("PUT", "/rides/x", "other"), ("GET", "/", "other"),
    ]

    @Test(arguments: requests)
    func `the first that fits names a request`(method: String, path: String, name: String) throws {
        let request = InMemoryRequest(method: method, path: path)
        #expect(VirtualCluster.name(of: request, among: try Self.clusters()) == name)
    }

    @Test func `a host without virtual clusters names none`() {
        #expect(VirtualCluster.name(of: InMemoryRequest(), among: []) == nil)
    }
}
