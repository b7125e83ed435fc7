// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import Testing

@testable import MeshXDS

@Suite("Who may ask for the status of a server's clients")
struct ClientStatusAccessTests {
    @Test(
        "callers of the same machine, by their address",
        arguments: [
            ("ipv4:127.0.0.1:31415", true), ("ipv4:127.9.9.9:1", true), ("ipv6:[::1]:443", true),
            ("ipv6:[::ffff:127.0.0.1]:443", true), ("unix:/run/mesh.sock", true),
            ("ipv4:10.0.0.1:127", false), ("ipv4:128.0.0.1:1", false), ("ipv6:[::12]:443", false),
            ("ipv6:[fe80::1]:443", false), ("<unknown>", false), ("", false),
        ]
    )
    func sameMachine(peer: String, mayAsk: Bool) {
        let error = Self.error(of: .sameMachine, [:], peer: peer)
        #expect(error?.code == (mayAsk ? nil : .permissionDenied))
    }

    @Test(
        "bearers of a known token, from wherever",
        arguments: [
            ("Bearer secret", true), ("bearer secret", true), ("Bearer  secret", true), ("Bearer other", false),
            ("Basic secret", false), ("secret", false), ("Bearer", false), ("", false),
        ]
    )
    func bearer(authorization: String, mayAsk: Bool) {
        let access = ClientStatusAccess.bearer { $0 == "secret" }
        for peer in ["ipv4:10.0.0.1:1", "ipv4:127.0.0.1:1"] {
            let error = Self.error(of: access, ["authorization": "\(authorization)"], peer: peer)
            #expect(error?.code == (mayAsk ? nil : .unauthenticated))
            #expect(Self.error(of: access, [:], peer: peer)?.code == .unauthenticated)
        }
    }

    private static func error(of access: ClientStatusAccess, _ metadata: Metadata, peer: String) -> RPCError? {
        do {
            try access.check(metadata, peer: peer)
            return nil
        } catch {
            return error
        }
    }
}
