// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct EndpointAddressTests {
    static let valid: [(String, String, UInt16)] = [
        ("reviews:9080", "reviews", UInt16(9080)),
        ("reviews", "reviews", 80),
        ("10.0.0.1:1", "10.0.0.1", 1),
        ("[::1]:65535", "::1", 65535),
        ("[::1]", "::1", 80),
        ("[fe80::1%eth0]:443", "fe80::1%eth0", 443),
    ]

    @Test(arguments: valid)
    func `an authority is a host with or without a port`(authority: String, host: String, port: UInt16) {
        let address = EndpointAddress(authority: authority, defaultPort: 80)
        #expect(address == EndpointAddress(host: host, port: port))
    }

    @Test(arguments: [
        "", ":80", "reviews:", "reviews:0", "reviews:65536", "reviews:-1", "reviews:+80", "reviews: 80", "reviews:8o",
        "::1", "::1:80", "[::1", "[::1]80", "[::1]:", "[::1]:+1", "[]:80", "[]", "reviews:٣",
    ])
    func `what is no authority is refused`(authority: String) {
        #expect(EndpointAddress(authority: authority, defaultPort: 80) == nil)
    }

    @Test func `without a port and a default there is no address`() {
        #expect(EndpointAddress(authority: "reviews") == nil)
        #expect(EndpointAddress(authority: "reviews", defaultPort: 0) == nil)
    }

    @Test func `an address prints so that it can be parsed again`() {
        for address in [EndpointAddress(host: "::1", port: 8080), EndpointAddress(host: "reviews", port: 9080)] {
            #expect(EndpointAddress(authority: address.description) == address)
        }
        #expect(EndpointAddress(unixSocketPath: "/run/mesh.sock").description == "unix:/run/mesh.sock")
    }
}
