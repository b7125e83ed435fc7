// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@Suite struct ServerNameValidationTests {
    private func problems(_ cluster: Cluster) -> [String] {
        do {
            try cluster.validate()
            return []
        } catch {
            return error.problems.map(\.path)
        }
    }

    @Test(arguments: [
        "reviews.example", "outbound_.9080_._.reviews.default.svc.cluster.local", "A-1", "1.2.3.4.example",
        String(repeating: "a.", count: 127) + "b",
    ])
    func `a DNS name is taken`(name: String) {
        for security in [
            Cluster.UpstreamSecurity.automatic(acceptedIdentities: []), .mutualTLS(acceptedIdentities: []),
        ] {
            #expect(problems(Cluster(name: "c", upstreamSecurity: security, serverName: name)) == [])
        }
    }

    @Test(arguments: [
        "", ".", "a..b", "a.", "10.0.0.1", "::1", "a b", "a\u{0}b", "b\u{fc}cher.example", "*.example",
        String(repeating: "a.", count: 127) + "bc",
    ])
    func `anything else is refused, addresses among it`(name: String) {
        let cluster = Cluster(name: "c", upstreamSecurity: .mutualTLS(acceptedIdentities: []), serverName: name)
        #expect(problems(cluster) == ["serverName"])
    }

    @Test func `in plaintext there is nobody to tell`() {
        #expect(problems(Cluster(name: "c", serverName: "reviews.example")) == ["serverName"])
    }
}
