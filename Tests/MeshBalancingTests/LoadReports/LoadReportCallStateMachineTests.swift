// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Calls for load reports")
struct LoadReportCallStateMachineTests {
    private typealias Machine = LoadReportCallStateMachine

    private let start = MeshInstant(nanoseconds: 1_000_000_000)

    /// How long a machine waits after a failure, in seconds.
    private func wait(_ machine: inout Machine, at now: MeshInstant, _ random: inout MeshRandom) -> Double? {
        guard case .askAgain(let next) = machine.ended(.failed("r"), at: now, using: &random) else { return nil }
        return next.elapsed(since: now).seconds
    }

    @Test func `are made again after gRPC's back-off, which a report begins anew`() {
        var random = MeshRandom(seed: 7)
        var machine = Machine(period: .seconds(10))
        for round in 0..<2 {
            var expected = 1.0
            for failure in 0..<20 {
                machine.asked(at: start)
                let waited = wait(&machine, at: start, &random) ?? 0
                #expect(waited >= expected * 0.8 - 1e-6 && waited <= expected * 1.2 + 1e-6, "\(round).\(failure)")
                expected = min(expected * 1.6, 120)
            }
            machine.asked(at: start)
            machine.reportReceived(at: start)
        }
        #expect(machine.reports == 2)
    }

    @Test func `spread over the whole of their jitter`() {
        var random = MeshRandom(seed: 3)
        let waits = (0..<1_000).compactMap { _ in
            var machine = Machine(period: .seconds(10))
            return wait(&machine, at: start, &random)
        }
        #expect(waits.count == 1_000)
        #expect((waits.min() ?? 1) < 0.82 && (waits.max() ?? 1) > 1.18)
        #expect(waits.allSatisfy { $0 >= 0.8 && $0 <= 1.2 })
    }

    @Test func `end for good with an endpoint that does not implement them`() {
        var random = MeshRandom(seed: 1)
        var machine = Machine(period: .seconds(10))
        machine.asked(at: start)
        #expect(machine.ended(.notImplemented, at: start, using: &random) == .giveUp)
        #expect(machine.state == .givenUp)
        #expect(machine.silentAt == nil)
    }

    @Test(
        arguments: [
            (.milliseconds(100), .seconds(300)), (.seconds(10), .seconds(300)), (.seconds(30), .seconds(300)),
            (.seconds(60), .seconds(600)), (.forever, .forever),
        ] as [(Nanoseconds, Nanoseconds)]
    )
    func `are dead after ten periods without a report, and after five minutes at least`(
        _ period: Nanoseconds,
        _ silence: Nanoseconds
    ) {
        var machine = Machine(period: period)
        #expect(machine.silentAt == nil)
        machine.asked(at: start)
        #expect(machine.silentAt == start.advanced(by: silence))
        let later = start.advanced(by: .seconds(7))
        machine.reportReceived(at: later)
        #expect(machine.state == .following(heardAt: later))
        #expect(machine.silentAt == later.advanced(by: silence))
        machine.unasked()
        #expect(machine.state == .idle && machine.silentAt == nil)
    }

    @Test func `keep their bounds whatever happens`() {
        var random = MeshRandom(seed: 11)
        var machine = Machine(period: .seconds(1))
        var now = start
        for _ in 0..<20_000 {
            now = now.advanced(by: Nanoseconds(rawValue: random.below(3_000_000_000)))
            switch random.below(4) {
            case 0: machine.asked(at: now)
            case 1: machine.reportReceived(at: now)
            case 2: machine.unasked()
            default:
                let waited = wait(&machine, at: now, &random) ?? 0
                #expect(waited >= 0.8 && waited <= 144)
                guard case .waiting(let until, "r") = machine.state else {
                    #expect(Bool(false), "a failure is followed by a wait")
                    return
                }
                #expect(until > now)
            }
            if let silentAt = machine.silentAt { #expect(silentAt >= now) }
        }
    }
}
