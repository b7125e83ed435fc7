// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import Testing

@testable import MeshHTTP

@Suite("An exchange's machine")
struct ExchangeStateMachineTests {
    typealias Machine = ExchangeStateMachine

    private struct Broken: Error {}

    private func delivery(head: Bool = false, _ chunks: String..., end: Bool = false) -> Machine.Delivery {
        var delivery = Machine.Delivery()
        if head { delivery.head = HTTPResponse(status: .ok) }
        for chunk in chunks { delivery.body.append(ByteBuffer(string: chunk)) }
        delivery.isEnd = end
        if end { delivery.trailers = [.server: "x"] }
        return delivery
    }

    private func begun() -> Machine {
        var machine = Machine(highWatermark: 8)
        #expect(machine.begun() == true)
        return machine
    }

    private func read(_ machine: inout Machine) -> String? {
        if case .chunk(let chunk, _) = machine.chunkAwaited(waits: false) { String(buffer: chunk) } else { nil }
    }

    @Test("hands a whole response over at once")
    func whole() {
        var machine = begun()
        #expect(machine.requestState == .maybeSent)
        guard case .wait = machine.headAwaited() else { return #expect(Bool(false), "nothing has come yet") }
        let action = machine.delivered(delivery(head: true, "a", "b", end: true))
        #expect(action.head?.status == .ok)
        #expect(action.chunk == nil && !action.ends && action.wantsMore)
        #expect(machine.requestState == .answered)
        #expect(read(&machine) == "a")
        #expect(machine.readTrailers == nil)
        #expect(read(&machine) == "b")
        guard case .end = machine.chunkAwaited(waits: true) else { return #expect(Bool(false), "it was the end") }
        #expect(machine.readTrailers == [.server: "x"])
        #expect(machine.finished(.completed) == .nothing)
    }

    @Test("wakes a reader with the next chunk, or the end")
    func waitingReader() {
        var machine = begun()
        _ = machine.delivered(delivery(head: true))
        guard case .wait = machine.chunkAwaited(waits: true) else { return #expect(Bool(false), "nothing to read") }
        #expect(machine.delivered(delivery("a")).chunk.map { String(buffer: $0) } == "a")
        guard case .wait = machine.chunkAwaited(waits: true) else { return #expect(Bool(false), "nothing to read") }
        let action = machine.delivered(delivery(end: true))
        #expect(action.ends && action.chunk == nil)
    }

    @Test("makes the connection pause above the mark, and go on below half of it")
    func watermark() {
        var machine = begun()
        #expect(machine.delivered(delivery(head: true, "1234567")).wantsMore)
        #expect(!machine.delivered(delivery("8")).wantsMore)
        guard case .chunk(_, let first) = machine.chunkAwaited(waits: false) else { return #expect(Bool(false)) }
        #expect(first, "one byte is left, less than half of the mark")
        guard case .chunk(_, let second) = machine.chunkAwaited(waits: false) else { return #expect(Bool(false)) }
        #expect(!second, "it goes on already")
    }

    @Test("that the peer breaks keeps what came before; one that is given up does not", arguments: [true, false])
    func failure(keepsBody: Bool) {
        var machine = begun()
        _ = machine.delivered(delivery(head: true, "a"))
        let error = machine.failed(keepsBody: keepsBody) { state in
            #expect(state == .answered)
            return Broken()
        }
        #expect(error is Broken)
        #expect(read(&machine) == (keepsBody ? "a" : nil))
        guard case .fail(let seen) = machine.chunkAwaited(waits: true) else { return #expect(Bool(false)) }
        #expect(seen is Broken)
        #expect(machine.failed(keepsBody: true) { _ in Broken() } == nil, "it fails once")
        #expect(machine.delivered(delivery("late")).chunk == nil)
        #expect(machine.finished(.completed) == .nothing)
    }

    @Test("that failed while it waited writes nothing")
    func failedBefore() {
        var machine = Machine(highWatermark: 8)
        _ = machine.failed(keepsBody: false) { state in
            #expect(state == .notSent)
            return Broken()
        }
        #expect(machine.begun() == false)
        #expect(machine.requestState == .notSent)
        guard case .fail = machine.headAwaited() else { return #expect(Bool(false)) }
    }

    @Test(
        "that is finished early is abandoned once, and drained if its owner is content",
        arguments: [
            (ExchangeEnding.completed, true), (.discarded, true), (.cancelled, false), (.failed(Broken()), false),
        ]
    )
    func finish(ending: ExchangeEnding, mayDrain: Bool) {
        var machine = begun()
        _ = machine.delivered(delivery(head: true, "a"))
        #expect(machine.finished(ending) == .abandon(mayDrain: mayDrain))
        #expect(machine.finished(ending) == .nothing)
        guard case .fail(let error) = machine.chunkAwaited(waits: true) else { return #expect(Bool(false)) }
        #expect((error as? MeshError)?.code == .invalidRequest)
    }

    @Test("tells two readers at once that this is not possible")
    func twoReaders() {
        var machine = begun()
        _ = machine.delivered(delivery(head: true))
        guard case .wait = machine.chunkAwaited(waits: true) else { return #expect(Bool(false)) }
        guard case .fail = machine.chunkAwaited(waits: true) else { return #expect(Bool(false)) }
    }
}

@Suite("The buffer of a body")
struct BodyBufferTests {
    @Test("gives chunks in order and counts its bytes", arguments: [1, 2, 3, 10, 100])
    func order(count: Int) {
        var buffer = BodyBuffer()
        var expected: [String] = []
        var seen: [String] = []
        for index in 0..<count {
            buffer.append(ByteBuffer(string: "\(index)"))
            expected.append("\(index)")
            if index.isMultiple(of: 3), let chunk = buffer.popFirst() { seen.append(String(buffer: chunk)) }
        }
        #expect(buffer.byteCount == expected.joined().count - seen.joined().count)
        while let chunk = buffer.popFirst() { seen.append(String(buffer: chunk)) }
        #expect(seen == expected)
        #expect(buffer.isEmpty && buffer.byteCount == 0)
    }
}
