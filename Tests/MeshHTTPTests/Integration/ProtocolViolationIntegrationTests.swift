// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import MeshTesting
import Testing

@Suite("An answer that is not as HTTP has it", .timeLimit(.minutes(5)))
struct ProtocolViolationIntegrationTests {
    @Test(
        "is a protocol violation, and ends the connection",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nbad header\r\n\r\nx",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: \(String(repeating: "a", count: 70_000))\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\(String(repeating: "x: a\r\n", count: 101))\r\n",
            "HTTP/1.1 200 \(String(repeating: "a", count: 200_000))\r\ncontent-length: 0\r\n\r\n",
        ]
    )
    func garbage(answer: String) async throws {
        try await LoopbackServer.serving { connection, _ in
            _ = try await connection.readHead()
            try await connection.write(answer)
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                let error = await meshError { _ = try await transport.exchange(with: endpoint) }
                #expect(error?.code == .protocolViolation)
                #expect(error?.origin == .upstream)
                try await transport.settle()
                #expect(transport.statistics.connections == 0)
            }
        }
    }

    @Test("with bytes behind its end is taken, but its connection is not used again")
    func leftover() async throws {
        let numbers = Recorder<Int>()
        try await LoopbackServer.serving { connection, number in
            numbers.append(number)
            _ = try await connection.readHead()
            try await connection.write("ok".asResponse + "poison".asResponse)
            await connection.readToEnd()
        } while: { endpoint in
            try await withTransport { transport in
                for _ in 0..<2 {
                    let answer = try await transport.exchange(with: endpoint)
                    #expect(answer.body == "ok")
                }
            }
        }
        #expect(numbers.all == [0, 1])
    }
}
