// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshBalancing
import MeshCore
import MeshTesting
import ServiceMesh
import Testing

@testable import MeshGRPC

@Suite(.timeLimit(.minutes(5))) struct LoadReportServiceIntegrationTests {
    @Test("A51: reports come apart from calls, no oftener than the server lets them")
    func outOfBand() async throws {
        let clock = ManualClock()
        let load = LoadRecorder(countsCalls: false, clock: clock)
        load.update { $0.cpuUtilization = 0.5 }
        let drain = ServerDrain()
        let service = LoadReportService(load, minimumInterval: .seconds(1), drain: drain, clock: clock)
        try await withRPCServer([service]) { _, address in
            try await withPlainRPCClient(to: address) { client in
                try await client.serverStreaming(
                    // 5 ns, less than is allowed.
                    request: ClientRequest(message: [0x0A, 2, 16, 5]),
                    descriptor: LoadReportService.method,
                    serializer: BytesCoder(),
                    deserializer: BytesCoder(),
                    options: .defaults
                ) { response in
                    var reports = response.messages.makeAsyncIterator()
                    let first = try #require(await reports.next())
                    #expect(try LoadReport(serialized: first).cpuUtilization == 0.5)
                    load.update { $0.cpuUtilization = 0.75 }
                    await clock.waitForSleepers(1)
                    clock.advance(by: .seconds(1))
                    let second = try #require(await reports.next())
                    #expect(try LoadReport(serialized: second).cpuUtilization == 0.75)
                    drain.beginStopping()
                    let error = await #expect(throws: RPCError.self) { try await reports.next() }
                    #expect(error?.code == .unavailable)
                }
            }
        }
    }

    @Test func `intervals are read, and what is no message refused`() throws {
        #expect(try LoadReportRequest(serialized: [UInt8]()).interval == nil)
        #expect(try LoadReportRequest(serialized: [0x0A, 2, 8, 5]).interval == .seconds(5))
        let both = try LoadReportRequest(serialized: [0x0A, 4, 8, 1, 16, 7])
        #expect(both.interval == Nanoseconds(rawValue: 1_000_000_007))
        #expect(try LoadReportRequest(serialized: [0x12, 1, 97, 0x0A, 0]).interval == .zero)
        let negative: [UInt8] = [0x0A, 11, 8] + [UInt8](repeating: 0xFF, count: 9) + [1]
        #expect(throws: RPCError.self) { try LoadReportRequest(serialized: negative) }
        #expect(throws: RPCError.self) { try LoadReportRequest(serialized: [0x0A, 9]) }
        #expect(throws: RPCError.self) { try LoadReportRequest(serialized: [0]) }
    }

    @Test func `rates are of the last ten whole seconds`() {
        var machine = RequestRateStateMachine()
        func at(_ seconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: seconds * 1_000_000_000) }
        #expect(machine.rates(at: at(5)) == (0, 0))
        for _ in 0..<6 { machine.ended(succeeded: true, at: at(5)) }
        machine.ended(succeeded: false, at: at(6))
        #expect(machine.rates(at: at(5)) == (0, 0))
        #expect(machine.rates(at: at(6)) == (6, 0))
        #expect(machine.rates(at: at(7)) == (3.5, 0.5))
        #expect(machine.rates(at: at(15)) == (0.7, 0.1))
        #expect(machine.rates(at: at(16)) == (0.1, 0.1))
        #expect(machine.rates(at: at(17)) == (0, 0))
        machine.ended(succeeded: true, at: at(100))
        #expect(machine.rates(at: at(101)) == (0.1, 0))
    }

    @Test func `a response is its metadata, its messages and one status`() {
        var machine = ResponseStateMachine()
        #expect(machine.message() == .refuse)
        #expect(machine.metadata() == .writeHead)
        #expect(machine.metadata() == .refuse)
        #expect(machine.message() == .writeMessage)
        #expect(machine.status() == .writeTrailers)
        #expect(machine.status() == .refuse)
        #expect(machine.message() == .refuse)
        var refused = ResponseStateMachine()
        #expect(refused.status() == .writeOnly)
        #expect(refused.metadata() == .refuse)
    }
}

/// Messages as they are.
private struct BytesCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}
