// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MeshHTTP

@Suite("The order of an endpoint's addresses")
struct AddressOrderTests {
    private func order(_ hosts: [String]) -> [String] {
        let candidates = hosts.compactMap { AddressOrder.Candidate(EndpointAddress(host: $0, port: 80)) }
        return AddressOrder.interleaved(candidates).map(\.address.host)
    }

    @Test(
        "A61: takes the families by turns, the first one's first (RFC 8305 §4)",
        arguments: [
            ([], []), (["10.0.0.1"], ["10.0.0.1"]),
            (["10.0.0.1", "10.0.0.2", "::1", "::2"], ["10.0.0.1", "::1", "10.0.0.2", "::2"]),
            (["::1", "::2", "::3", "10.0.0.1"], ["::1", "10.0.0.1", "::2", "::3"]),
            (["::1", "10.0.0.1", "10.0.0.2"], ["::1", "10.0.0.1", "10.0.0.2"]),
            (["10.0.0.2", "10.0.0.1"], ["10.0.0.2", "10.0.0.1"]),
            (["10.0.0.1", "10.0.0.1", "::1", "10.0.0.1"], ["10.0.0.1", "::1"]),
            (["a.example", "::1", "10.0.0.1"], ["::1", "10.0.0.1"]),
        ]
    )
    func families(_ given: [String], _ expected: [String]) {
        #expect(order(given) == expected)
    }

    @Test("keeps ports apart, and leaves what cannot be dialled alone")
    func ports() {
        let addresses = [
            EndpointAddress(host: "::1", port: 1), EndpointAddress(host: "::1", port: 2),
            EndpointAddress(unixSocketPath: "/tmp/socket"),
        ]
        let order = AddressOrder.interleaved(addresses.compactMap { AddressOrder.Candidate($0) })
        #expect(order.map(\.address) == Array(addresses.prefix(2)))
    }

    @Test("is the whole answer to the question that is answered first")
    func resolver() throws {
        let loop = EmbeddedEventLoop()
        let addresses = try ["10.0.0.1", "::1"].map { try SocketAddress(ipAddress: $0, port: 80) }
        let resolver = GivenAddresses(addresses: addresses, loop: loop)
        #expect(try resolver.initiateAAAAQuery(host: "any", port: 1).wait() == addresses)
        #expect(try resolver.initiateAQuery(host: "any", port: 1).wait() == [])
    }
}
