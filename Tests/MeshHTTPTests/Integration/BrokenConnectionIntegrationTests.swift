// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import MeshTesting
import Testing

@Suite("A connection that the server ends under a request", .timeLimit(.minutes(5)))
struct BrokenConnectionIntegrationTests {
    /// A server that is renewed ends all that it keeps at once, and a request that is tried again must not meet one
    /// after another of them.
    @Test("takes the idle ones with it, so that the next request gets a new one")
    func siblings() async throws {
        let isThereAnother = Signal()
        try await LoopbackServer.serving { connection, number in
            _ = try await connection.readHead()
            if number == 0 { await isThereAnother.wait() }
            if number == 1 { isThereAnother.set() }
            try await connection.write("\(number)".asResponse)
            // The first two end with their second request.
            if number < 2 { _ = try await connection.readHead() } else { await connection.readToEnd() }
        } while: { endpoint in
            try await withTransport { transport in
                async let first = transport.exchange(with: endpoint)
                async let second = transport.exchange(with: endpoint)
                #expect(try await [first.body, second.body].sorted() == ["0", "1"])
                let error = await meshError { _ = try await transport.exchange(with: endpoint) }
                #expect(error?.code == .connectionClosed)
                let next = try await transport.exchange(with: endpoint)
                #expect(next.body == "2")
            }
        }
    }
}
