// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshIdentity

@Suite struct RotationStateMachineTests {
    private let start = MeshInstant(nanoseconds: 1_000_000_000)

    private func wait(until instant: MeshInstant) -> Nanoseconds { instant.elapsed(since: start) }

    @Test(arguments: [(UInt64.min, 1800.0), (UInt64.max, 1620.0)])
    func `renewal comes at the half of the life, up to a tenth of it early`(random: UInt64, seconds: Double) {
        var machine = RotationStateMachine()
        let next = machine.issued(validFor: .seconds(3600), at: start, random: random)
        #expect(abs(wait(until: next).seconds - seconds) < 0.001)
    }

    @Test func `an issuer that gives no lifetime is not asked in a tight loop`() {
        var machine = RotationStateMachine()
        let next = machine.issued(validFor: .zero, at: start, random: .max)
        #expect(wait(until: next) == RotationStateMachine.shortestPause)
    }

    @Test func `failures back off to a bound, and a success starts over`() {
        var machine = RotationStateMachine()
        var waits = (0..<9).map { _ in wait(until: machine.failed(at: start, random: 0)).seconds }
        #expect(waits == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15])
        _ = machine.issued(validFor: .seconds(3600), at: start, random: 0)
        waits = (0..<2).map { _ in wait(until: machine.failed(at: start, random: 0)).seconds }
        #expect(waits == [0.25, 0.5])
    }

    @Test func `half of the back-off is random`() {
        var early = RotationStateMachine()
        #expect(wait(until: early.failed(at: start, random: .max)).rawValue == 125_000_001)
    }

    @Test func `the nearer the expiry, the sooner the next attempt`() {
        var machine = RotationStateMachine()
        _ = machine.issued(validFor: .seconds(20), at: start, random: 0)
        for _ in 0..<10 { _ = machine.failed(at: start, random: 0) }
        let late = start.advanced(by: .seconds(12))
        #expect(machine.failed(at: late, random: 0).elapsed(since: late).seconds == 2)
        let expired = start.advanced(by: .seconds(21))
        #expect(machine.failed(at: expired, random: 0).elapsed(since: expired).seconds == 15)
    }

    @Test func `no sequence of events asks for an instant in the past or for one too far`() {
        var machine = RotationStateMachine()
        let random = MeshRandom(seed: 7)
        var now = start
        for _ in 0..<10_000 {
            let next: MeshInstant
            let bound: Nanoseconds
            if random.below(2) == 0 {
                let life = Nanoseconds(rawValue: random.below(7_200_000_000_000))
                next = machine.issued(validFor: life, at: now, random: random.next())
                bound = max(Nanoseconds(rawValue: life.rawValue / 2), RotationStateMachine.shortestPause)
            } else {
                next = machine.failed(at: now, random: random.next())
                bound = RotationStateMachine.longestBackoff
            }
            #expect(next > now && next.elapsed(since: now) <= bound)
            now = next
        }
    }
}
