// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct ConfigurationErrorTests {
    @Test(arguments: [
        ("clusters[2]", "outlierDetection.interval", "clusters[2].outlierDetection.interval"),
        ("clusters", "[2].name", "clusters[2].name"),
        ("clusters[2]", "", "clusters[2]"),
        ("", "virtualHosts[0]", "virtualHosts[0]"),
        ("", "", ""),
    ])
    func `paths are joined as fields and positions`(parent: String, path: String, expected: String) {
        #expect(ConfigurationError(path: path, "m").prefixed(by: parent).problems[0].path == expected)
    }

    @Test func `a collector throws everything that it was told, in order`() {
        var problems = ProblemCollector()
        problems.require(true, "a", "fine")
        problems.require(false, "b", "bad")
        let value: Int? = problems.nest("c") { () throws(ConfigurationError) -> Int in
            throw ConfigurationError([.init(path: "d", message: "1"), .init(path: "", message: "2")])
        }
        #expect(value == nil)
        let error = #expect(throws: ConfigurationError.self) { try problems.throwIfAny() }
        #expect(error?.description == "b: bad\nc.d: 1\nc: 2")
    }
}
