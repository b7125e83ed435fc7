// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import Testing

@testable import MeshAsyncHTTPClient

@Suite("The machine of a response from AsyncHTTPClient")
struct BufferedExchangeStateMachineTests {
    private typealias Machine = BufferedExchangeStateMachine
    private struct Broken: Error {}

    private func open(bufferLimit: Int = 10, drainLimit: Int = 10) -> Machine {
        var machine = Machine(bufferLimit: bufferLimit, drainLimit: drainLimit)
        #expect(machine.headReceived() == true)
        return machine
    }

    private func bytes(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 1, count: count) }

    /// What a reader gets, in short.
    private func read(_ machine: inout Machine) -> String {
        switch machine.chunkAwaited() {
        case .chunk(let chunk, let resumes): "\(chunk.readableBytes)\(resumes ? " resumes" : "")"
        case .end: "end"
        case .fail: "fail"
        case .wait: "wait"
        }
    }

    @Test
    func `hands a chunk to the reader that waits, and keeps it for one that does not`() {
        var machine = open()
        #expect(read(&machine) == "wait")
        #expect(machine.chunkReceived(bytes(3)) == .hand)
        #expect(machine.chunkReceived(bytes(4)) == .keep)
        #expect(machine.ended() == false)
        #expect(read(&machine) == "4")
        #expect(read(&machine) == "end")
        #expect(machine.isOver)
    }

    @Test
    func `makes the peer pause at the limit, and lets it go on below`() {
        var machine = open()
        #expect(machine.chunkReceived(bytes(9)) == .keep)
        #expect(machine.chunkReceived(bytes(1)) == .keepAndPause)
        #expect(read(&machine) == "9 resumes")
        #expect(read(&machine) == "1")
        #expect(read(&machine) == "wait")
        #expect(machine.ended() == true)
    }

    @Test
    func `gives what came before a failure, then the failure`() {
        var machine = open()
        #expect(machine.chunkReceived(bytes(2)) == .keep)
        #expect(machine.failed(Broken()) == true)
        #expect(machine.failed(Broken()) == false)
        #expect(machine.chunkReceived(bytes(2)) == .discard)
        #expect(read(&machine) == "2")
        #expect(read(&machine) == "fail")
    }

    @Test
    func `never opens after it failed`() {
        var machine = Machine(bufferLimit: 1, drainLimit: 1)
        #expect(machine.failed(Broken()) == true)
        #expect(machine.headReceived() == false)
        guard case .fail = machine.headAwaited() else {
            Issue.record("somebody waits for the head of a failed exchange")
            return
        }
    }

    @Test
    func `throws away what nobody wants, up to the limit`() {
        var machine = open()
        #expect(machine.chunkReceived(bytes(4)) == .keep)
        #expect(machine.finished() == .drain)
        #expect(machine.chunkReceived(bytes(6)) == .discard)
        #expect(!machine.isOver)
        #expect(machine.chunkReceived(bytes(1)) == .abandon)
        #expect(machine.isOver)
        #expect(read(&machine) == "fail")
    }

    @Test
    func `gives up a response at once of which too much has come already`() {
        var machine = open()
        #expect(machine.chunkReceived(bytes(10)) == .keepAndPause)
        #expect(machine.finished() == .abandon)
        var complete = open()
        #expect(complete.ended() == false)
        #expect(complete.finished() == .none)
    }

    @Test
    func `never loses a byte, a reader or a pause on the way`() {
        var random = MeshRandom(seed: 7)
        for _ in 0..<2_000 {
            var machine = open(bufferLimit: 8)
            var (sent, got, isWaiting, isPaused) = (0, 0, false, false)
            var steps = Int.random(in: 1...30, using: &random)
            while steps > 0 {
                steps -= 1
                if Bool.random(using: &random), !isPaused {
                    let chunk = bytes(Int.random(in: 1...5, using: &random))
                    sent += chunk.readableBytes
                    switch machine.chunkReceived(chunk) {
                    case .hand:
                        #expect(isWaiting)
                        isWaiting = false
                        got += chunk.readableBytes
                    case .keep: #expect(!isWaiting)
                    case .keepAndPause: isPaused = true
                    case .discard, .abandon: Issue.record("a chunk is lost")
                    }
                    #expect(sent - got < 8 + 5)
                } else if !isWaiting {
                    switch machine.chunkAwaited() {
                    case .chunk(let chunk, let resumes):
                        got += chunk.readableBytes
                        if resumes { isPaused = false }
                    case .wait:
                        #expect(!isPaused && got == sent)
                        isWaiting = true
                    case .end, .fail: Issue.record("it is not over")
                    }
                }
            }
            #expect(machine.ended() == isWaiting)
        }
    }
}
