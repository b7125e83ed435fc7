// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshTesting
import NIOCore
import Synchronization
import Testing

@testable import MeshHTTP

@Suite struct PacedBodyTests {
    private let clock = ManualClock()

    /// A clock on which whoever sleeps wakes up at once, and it is as late as they wanted.
    private final class SkippingClock: MeshClock {
        private let instant = Mutex(MeshInstant(nanoseconds: 1_000_000_000))

        var now: MeshInstant { instant.withLock { $0 } }

        func sleep(until deadline: MeshInstant) async throws {
            instant.withLock { $0 = max($0, deadline) }
        }
    }

    /// A body of chunks, some of which may be errors.
    private final class ScriptedBody: ForeignBody {
        private let chunks: Mutex<[Result<String, MeshError>]>
        private let fields: HTTPFields?

        init(_ chunks: [Result<String, MeshError>], trailers: HTTPFields? = nil) {
            self.chunks = Mutex(chunks)
            self.fields = trailers
        }

        func nextChunk() async throws -> ByteBuffer? {
            let next = chunks.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            return try next.map { ByteBuffer(string: try $0.get()) }
        }

        var trailers: HTTPFields? { chunks.withLock { $0.isEmpty } ? fields : nil }
    }

    private func body(_ text: String) -> ResponseBody {
        ResponseBody(bytes: ByteBuffer(string: text), trailers: nil)
    }

    private func paced(_ body: ResponseBody, _ rate: UInt64, deadline: Deadline = .never) -> PacedBody {
        PacedBody(body, bytesPerSecond: rate, deadline: deadline, clock: clock)
    }

    private func next(_ body: PacedBody) async throws -> String? {
        try await body.nextChunk().map { String(buffer: $0) }
    }

    /// What a reader gets of a body and when, in milliseconds: the time passes whenever the reader waits.
    private func timeline(_ rate: UInt64, _ make: () -> OutboundResponse) async throws -> [String] {
        let clock = SkippingClock()
        let start = clock.now
        var context = CallContext(now: start)
        context.responseBytesPerSecond = rate
        var seen: [String] = []
        for try await chunk in make().paced(context, clock: clock).body {
            seen.append("\(clock.now.elapsed(since: start).rawValue / 1_000_000): \(String(buffer: chunk))")
        }
        return seen
    }

    private func timeline(_ rate: UInt64, _ chunks: String...) async throws -> [String] {
        try await timeline(rate) {
            OutboundResponse(HTTPResponse(status: .ok), foreignBody: ScriptedBody(chunks.map { .success($0) }))
        }
    }

    @Test func `the first slice comes at once, and the others every 50 ms`() async throws {
        let seen = try await timeline(80, "0123456789")
        #expect(seen == ["0: 0123", "50: 4567", "100: 89"])
    }

    @Test func `a rate below a byte a slice waits for whole bytes`() async throws {
        // A byte a second, of which a slice's worth is there at the beginning.
        #expect(try await timeline(1, "abc") == ["950: a", "1950: b", "2950: c"])
    }

    @Test func `chunks come in order, one by one, and share the rate`() async throws {
        let seen = try await timeline(80, "ab", "cdefgh", "i")
        #expect(seen == ["0: ab", "0: cd", "50: efgh", "100: i"])
    }

    @Test func `a body below the rate is not held back at all`() async throws {
        let body = paced(body("0123456789"), 1 << 40)
        #expect(try await next(body) == "0123456789")
        #expect(try await next(body) == nil)
        #expect(clock.sleeperCount == 0)
    }

    @Test func `after a rest no more than a second's worth comes at once`() async throws {
        let whole = body(String(repeating: "x", count: 500))
        let body = paced(whole, 100)
        #expect(try await body.nextChunk()?.readableBytes == 5)
        clock.advance(by: .seconds(60))
        #expect(try await body.nextChunk()?.readableBytes == 100)
        async let later = body.nextChunk()
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(50))
        #expect(try await later?.readableBytes == 5)
    }

    @Test func `empty chunks hold nothing up, and an empty body ends`() async throws {
        let chunks = ScriptedBody([.success(""), .success("a"), .success(""), .success("")])
        let some = paced(ResponseBody(chunks), 1000)
        #expect(try await next(some) == "a")
        #expect(try await next(some) == nil)
        #expect(try await next(paced(body(""), 1000)) == nil)
    }

    @Test func `the fields behind the body are the body's`() async throws {
        let chunks = ScriptedBody([.success("a")], trailers: [.eTag: "x"])
        let body = paced(ResponseBody(chunks), 1000)
        #expect(body.trailers == nil)
        #expect(try await next(body) == "a")
        #expect(try await next(body) == nil)
        #expect(body.trailers?[.eTag] == "x")
    }

    @Test func `a failure behind the first chunk arrives as it is`() async throws {
        let failure = MeshError(.connectionFailed, origin: .upstream, message: "reset")
        let body = paced(ResponseBody(ScriptedBody([.success("a"), .failure(failure)])), 1000)
        #expect(try await next(body) == "a")
        let error = await #expect(throws: MeshError.self) { try await next(body) }
        #expect(error?.code == .connectionFailed && error?.message == "reset")
    }

    @Test func `the deadline ends the waiting, and the error says that the answer had begun`() async throws {
        let body = paced(body("0123456789"), 80, deadline: Deadline(.milliseconds(70), after: clock.now))
        let clock = self.clock
        let reader = { @Sendable () async throws -> MeshError? in
            var chunks: [Int] = []
            do {
                while let chunk = try await body.nextChunk() { chunks.append(chunk.readableBytes) }
            } catch let error as MeshError {
                #expect(chunks == [4, 4])
                return error
            }
            return nil
        }
        async let error = reader()
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(50))
        await clock.waitForSleepers()
        // It does not sleep until the next slice, at 100 ms, but until the deadline.
        clock.advance(by: .milliseconds(20))
        let thrown = try #require(try await error)
        #expect(thrown.code == .deadlineExceeded && thrown.origin == .local && thrown.requestState == .answered)
    }

    @Test func `a reader that is cancelled waits no longer`() async throws {
        let body = paced(body("0123456789"), 1)
        let clock = self.clock
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    while try await body.nextChunk() != nil {}
                    return false
                } catch is CancellationError {
                    return true
                }
            }
            await clock.waitForSleepers()
            group.cancelAll()
            let isCancelled = try await group.next()
            #expect(isCancelled == true)
        }
        #expect(clock.sleeperCount == 0)
    }

    @Test func `only a response whose context names a rate is slowed`() async throws {
        var context = CallContext(now: clock.now)
        let response = OutboundResponse(HTTPResponse(status: .ok), body: ByteBuffer(string: "0123456789"))
        let same = response.paced(context, clock: clock)
        #expect(same.body.heldBytes == 10)
        context.responseBytesPerSecond = 80
        let slow = response.paced(context, clock: clock)
        #expect(slow.statusCode == 200 && slow.body.heldBytes == 0)
        let seen = try await timeline(80) { response }
        #expect(seen == ["0: 0123", "50: 4567", "100: 89"])
    }
}
