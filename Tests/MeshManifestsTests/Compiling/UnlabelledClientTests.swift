// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import Testing

@Suite("Clients that do not say their labels")
struct UnlabelledClientTests {
    private static let policy = """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: p}
        spec: {selector: {matchLabels: {app: ratings}}}
        """

    /// Whether the policy for the ratings is in force for a client that serves at an address.
    private func isGuarded(
        _ host: String,
        _ port: UInt16,
        labels: [String: String]? = nil,
        workloads: [Workload] = Bookinfo.workloads
    ) -> Bool {
        let node = Node(labels: labels, inboundAddresses: [EndpointAddress(host: host, port: port)])
        return Compilation(Self.policy, workloads: workloads, for: node).inbound?.filters.isEmpty == false
    }

    @Test("have those of the workload that is registered where they serve")
    func exact() {
        #expect(isGuarded("127.0.0.1", 1006))
        #expect(!isGuarded("127.0.0.1", 1002))
        #expect(!isGuarded("127.0.0.2", 1006))
        #expect(!isGuarded("127.0.0.1", 1006, labels: [:]))
    }

    @Test("are known by their port where they serve at every address", arguments: ["0.0.0.0", "::"])
    func everyAddress(host: String) {
        #expect(isGuarded(host, 1006))
        #expect(!isGuarded(host, 1002))
        #expect(!isGuarded(host, 9999))
        var foreign = Bookinfo.workload("ratings", "v1", port: 3000)
        foreign.namespace = "shop"
        #expect(!isGuarded(host, 3000, workloads: [foreign]))
    }

    @Test("have what all the workloads have that they may be")
    func common() {
        var replica = Bookinfo.workload("ratings", "v2", port: 1006)
        replica.address.host = "127.0.0.2"
        #expect(isGuarded("0.0.0.0", 1006, workloads: Bookinfo.workloads + [replica]))
        var other = Bookinfo.workload("details", "v1", port: 1006)
        other.address.host = "127.0.0.2"
        #expect(!isGuarded("0.0.0.0", 1006, workloads: Bookinfo.workloads + [other]))
        #expect(isGuarded("127.0.0.1", 1006, workloads: Bookinfo.workloads + [other]))
    }
}
