// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshGRPC
import Testing

@Suite("Targets", .timeLimit(.minutes(5)))
struct MeshTargetTests {
    private func address(_ host: String, _ port: UInt16) -> EndpointAddress { EndpointAddress(host: host, port: port) }

    @Test("of services have a name, and perhaps an authority")
    func services() throws {
        let plain = try MeshTarget("xds:///greeter:9080")
        #expect(plain.place == .service(name: "greeter:9080", authority: nil))
        #expect(plain.authority == "greeter:9080")
        let other = try MeshTarget("xds://td.example/greeter/a")
        #expect(other.place == .service(name: "greeter/a", authority: "td.example"))
        #expect(try MeshTarget("xds:greeter").place == .service(name: "greeter", authority: nil))
        #expect(MeshTarget.service("greeter").description == "xds:///greeter")
    }

    @Test("of hosts have a port, or gRPC's")
    func hosts() throws {
        for text in ["dns:///greeter.example:50051", "dns:greeter.example:50051", "greeter.example:50051"] {
            #expect(try MeshTarget(text).place == .host(address("greeter.example", 50_051)))
        }
        #expect(try MeshTarget("greeter.example").place == .host(address("greeter.example", 443)))
        #expect(try MeshTarget("dns:///[::1]:80").place == .host(address("::1", 80)))
        #expect(try MeshTarget("greeter.example:50051").authority == "greeter.example:50051")
    }

    @Test("of addresses have one at least")
    func addresses() throws {
        let two = [address("10.0.0.1", 80), address("10.0.0.2", 81)]
        for text in [
            "static:10.0.0.1:80,10.0.0.2:81", "ipv4:10.0.0.1:80,10.0.0.2:81", "static:///10.0.0.1:80,10.0.0.2:81",
        ] {
            #expect(try MeshTarget(text).place == .addresses(two))
        }
        #expect(try MeshTarget("ipv6:[::1]:80").place == .addresses([address("::1", 80)]))
        #expect(try MeshTarget("unix:/run/x").place == .addresses([EndpointAddress(unixSocketPath: "/run/x")]))
        #expect(try MeshTarget("unix:///run/x").authority == "localhost")
        #expect(try MeshTarget.addresses(two).authority == "10.0.0.1:80")
    }

    @Test(
        "that are none are refused",
        arguments: [
            "", "xds:", "xds:///", "xds://authority", "dns://8.8.8.8/host:80", "dns:///", "static:", "static:10.0.0.1",
            "host:port", "unix:", "http://host/",
        ]
    )
    func refused(text: String) {
        #expect(throws: ConfigurationError.self) { try MeshTarget(text) }
    }

    @Test("have no more addresses than anybody writes by hand")
    func many() throws {
        let list = (0..<1025).map { "10.0.\($0 / 256).\($0 % 256):80" }
        #expect(throws: ConfigurationError.self) { try MeshTarget("static:" + list.joined(separator: ",")) }
        #expect(throws: ConfigurationError.self) { try MeshTarget.addresses([]) }
    }
}
