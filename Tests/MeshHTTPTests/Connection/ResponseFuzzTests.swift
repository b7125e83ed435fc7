// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOEmbedded
import Testing

@testable import MeshHTTP

/// Whatever a server sends, the client neither crashes nor hangs, and accounts for the exchange and the connection once.
@Suite("A connection, under garbage")
struct ResponseFuzzTests {
    private static let seeds = [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n3;ext=1\r\nabc\r\n0\r\nx-t: 1\r\ny: 2\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nserver: x\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n\r\nto the end",
        "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nset-cookie: c=d\r\n  folded\r\ncontent-length: 1\r\n\r\nx",
    ]

    private func mutate(_ bytes: [UInt8], _ random: inout MeshRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<random.below(4) {
            guard !bytes.isEmpty else { break }
            let place = Int(random.below(UInt64(bytes.count)))
            switch random.below(6) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: bytes[place...].prefix(Int(random.below(20))), at: place)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: [13, 10], at: place)
            default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
            }
        }
        return bytes
    }

    @Test("settles every exchange and every connection exactly once", arguments: 0..<8)
    func garbage(seed: UInt64) throws {
        var random = MeshRandom(seed: seed)
        for _ in 0..<800 {
            let bench = try ConnectionBench()
            let exchange = try bench.start(timeout: .seconds(1))
            let text = Self.seeds[Int(random.below(UInt64(Self.seeds.count)))]
            var rest = mutate(Array(text.utf8), &random)[...]
            while !rest.isEmpty {
                let count = Int(random.below(UInt64(rest.count))) + 1
                bench.receive(rest.prefix(count))
                rest = rest.dropFirst(count)
                if random.below(20) == 0 { exchange.finish(.completed) }
            }
            let isDone = !exchange.isOpen
            if random.below(2) == 0 { bench.advance(by: .seconds(1)) } else { bench.channel.close(promise: nil) }
            bench.channel.embeddedEventLoop.run()
            #expect(!exchange.isOpen, "nobody waits for ever")
            if isDone, exchange.failure == nil, exchange.requestState != .answered {
                // Only the owner's own finish ends an exchange without an answer.
                #expect(bench.events.contains(.closed))
            }
            _ = try? bench.channel.finish(acceptAlreadyClosed: true)
            #expect(bench.events.count { $0 == .closed } == 1)
            #expect(bench.events.count { $0 == .released } <= 1)
            #expect(!bench.events.contains(.failed))
        }
    }
}
