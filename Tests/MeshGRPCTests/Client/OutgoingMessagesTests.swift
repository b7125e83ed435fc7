// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization
import Testing

@testable import MeshGRPC

@Suite("What a call has written", .timeLimit(.minutes(5)))
struct OutgoingMessagesTests {
    /// The machine, whose answers can stand in expectations.
    private final class Bench {
        var machine: OutgoingMessagesStateMachine

        init(replay: Int = 100, watermark: Int = 50) {
            machine = OutgoingMessagesStateMachine(replayLimit: replay, highWatermark: watermark)
        }

        var heldBytes: Int { machine.heldBytes }
        var isReplayable: Bool { machine.isReplayable }
        var isFull: Bool { machine.isFull }

        func write(_ count: Int, isScarce: Bool = false) -> Bool {
            machine.written(ByteBuffer(repeating: 1, count: count), isScarce: isScarce)
        }

        func begin() -> Int? { machine.attemptBegan() }

        func end(_ id: Int) { machine.attemptEnded(id, isScarce: false) }

        func more(_ id: Int, isScarce: Bool = false) -> String {
            switch machine.more(for: id, isScarce: isScarce) {
            case .messages(let bytes): "\(bytes.readableBytes)"
            case .wait: "wait"
            case .end: "end"
            case .fail: "fail"
            case .gone: "gone"
            }
        }
    }

    @Test("goes to each attempt from its beginning, until the response begins")
    func replay() throws {
        let bench = Bench()
        #expect(bench.write(10))
        let first = try #require(bench.begin())
        #expect(bench.more(first) == "10")
        #expect(bench.more(first) == "wait")
        #expect(bench.heldBytes == 10)
        bench.end(first)
        let second = try #require(bench.begin())
        #expect(bench.more(second) == "10")
        bench.machine.committed()
        #expect(bench.heldBytes == 10)
        #expect(bench.more(second) == "wait")
        #expect(bench.heldBytes == 0)
        #expect(!bench.isReplayable)
        #expect(bench.begin() == nil)
        bench.machine.finished()
        #expect(bench.more(second) == "end")
    }

    @Test("is not kept beyond the limit once it was sent, and then no other attempt can have it")
    func limit() throws {
        let bench = Bench()
        let id = try #require(bench.begin())
        for _ in 0..<20 {
            #expect(bench.write(10))
            _ = bench.more(id)
            #expect(bench.heldBytes <= 120)
        }
        #expect(!bench.isReplayable)
        #expect(bench.begin() == nil)
    }

    @Test("is kept whole while it was not sent, however much it is")
    func unsent() throws {
        let bench = Bench()
        let id = try #require(bench.begin())
        #expect(bench.write(500))
        #expect(bench.more(id) == "500")
        // The connection was refused before it took any of it.
        bench.end(id)
        let next = try #require(bench.begin())
        #expect(bench.more(next) == "500")
    }

    @Test("is not kept while all calls together hold too much")
    func scarce() throws {
        let bench = Bench()
        let id = try #require(bench.begin())
        #expect(bench.write(10, isScarce: true))
        _ = bench.more(id, isScarce: true)
        #expect(bench.heldBytes == 10)
        #expect(bench.more(id, isScarce: true) == "wait")
        #expect(bench.heldBytes == 0)
        #expect(!bench.isReplayable)
    }

    @Test("makes its writer wait while the connection takes less than it writes")
    func pressure() throws {
        let bench = Bench(replay: 1000, watermark: 50)
        #expect(bench.write(50))
        #expect(!bench.isFull)
        #expect(bench.write(1))
        #expect(bench.isFull)
        let id = try #require(bench.begin())
        _ = bench.more(id)
        #expect(!bench.isFull)
        bench.end(id)
        #expect(bench.isFull)
        bench.machine.finished()
        #expect(!bench.isFull)
    }

    @Test("joins small messages, and leaves large ones alone")
    func joining() throws {
        let bench = Bench(replay: 1 << 20, watermark: 1 << 20)
        let id = try #require(bench.begin())
        for _ in 0..<10 { _ = bench.write(100) }
        _ = bench.write(70_000)
        _ = bench.write(5)
        #expect(bench.more(id) == "1000")
        #expect(bench.more(id) == "70000")
        #expect(bench.more(id) == "5")
    }

    @Test("fails with whoever wrote it, and is closed by whoever reads the response")
    func endings() throws {
        let bench = Bench()
        let id = try #require(bench.begin())
        bench.machine.failed(CancellationError())
        #expect(bench.more(id) == "fail")
        bench.machine.closed()
        #expect(bench.more(id) == "gone")
        #expect(!bench.write(1))
        #expect(!bench.isReplayable)
    }

    @Test("loses, doubles and reorders nothing, whatever happens", arguments: [1, 2, 3, 4] as [UInt64])
    func randomWalk(seed: UInt64) throws {
        let random = MeshRandom(seed: seed)
        func draw(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        var machine = OutgoingMessagesStateMachine(replayLimit: 400, highWatermark: 200)
        var written: [UInt8] = []
        // What each attempt has got.
        var attempts: [Int: Int] = [:]
        var isCommitted = false
        var readBytes = 0
        for step in 0..<20_000 {
            let ids = attempts.keys.sorted()
            switch draw(isCommitted ? 8 : 20) {
            case 0..<4 where !machine.isFull:
                let bytes = (0..<(1 + draw(60))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                let isWanted = machine.written(ByteBuffer(bytes: bytes), isScarce: step > 5000 && draw(50) == 0)
                #expect(isWanted)
                written += bytes
            case 8 where ids.count < 3:
                let could = machine.isReplayable
                let id = machine.attemptBegan()
                #expect((id != nil) == could)
                if let id { attempts[id] = 0 }
            case 9 where ids.count > 1 || machine.isReplayable:
                guard let id = ids.first else { break }
                machine.attemptEnded(id, isScarce: false)
                attempts[id] = nil
            case 10 where step > 10_000 && !ids.isEmpty:
                isCommitted = true
                for id in ids.dropLast() {
                    machine.attemptEnded(id, isScarce: false)
                    attempts[id] = nil
                }
                machine.committed()
            default:
                guard !ids.isEmpty else { break }
                let id = ids[draw(ids.count)]
                guard case .messages(let bytes) = machine.more(for: id, isScarce: false) else { break }
                let start = attempts[id] ?? 0
                let end = start + bytes.readableBytes
                try #require(end <= written.count)
                try #require(bytes.readableBytesView.elementsEqual(written[start..<end]))
                attempts[id] = end
                readBytes += bytes.readableBytes
            }
            // What is kept, what waits, and what one attempt has in hand.
            try #require(machine.heldBytes <= 400 + 200 + 260 + 60)
        }
        #expect(readBytes > 10_000)
    }
}
