// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite("A registration's machine")
struct RegistrationStateMachineTests {
    private let random = MeshRandom(seed: 7)
    private let now = MeshInstant(nanoseconds: 1_000_000_000)

    private func machine() -> RegistrationStateMachine {
        RegistrationStateMachine(baseBackoff: .milliseconds(100), maximumBackoff: .seconds(2))
    }

    @Test("renews every third of the lease, and registers again when it was forgotten")
    func renewal() {
        var machine = machine()
        let third = now.advanced(by: .seconds(5))
        #expect(machine.answered(.accepted(lease: .seconds(15)), at: now, using: random) == .send(.renew, at: third))
        #expect(machine.answered(.accepted(lease: .seconds(15)), at: now, using: random) == .send(.renew, at: third))
        #expect(machine.answered(.missing, at: now, using: random) == .send(.register, at: now))
    }

    @Test("backs off with growing, bounded, uneven waits")
    func backoff() {
        var machine = machine()
        var previous: UInt64 = 0
        for failure in 0..<40 {
            guard case .send(.register, let instant) = machine.answered(.failed, at: now, using: random) else {
                return #expect(Bool(false), "it goes on")
            }
            let wait = instant.elapsed(since: now).rawValue
            let longest = min(100_000_000 << UInt64(min(failure, 20)), 2_000_000_000)
            #expect(wait >= longest / 2 && wait <= longest)
            if failure > 10 { #expect(wait != previous) }
            previous = wait
        }
        #expect(
            machine.answered(.missing, at: now, using: random) != .send(.register, at: now),
            "a wrong address is a failure"
        )
    }

    @Test("tries a renewal again before the lease is over, however long the waits have become")
    func renewalBackoff() {
        var machine = machine()
        _ = machine.answered(.accepted(lease: .milliseconds(900)), at: now, using: random)
        for _ in 0..<20 {
            guard case .send(.renew, let instant) = machine.answered(.failed, at: now, using: random) else {
                return #expect(Bool(false), "it goes on")
            }
            #expect(instant.elapsed(since: now) <= .milliseconds(300))
        }
        #expect(machine.requestTimeout == .milliseconds(300))
    }

    @Test("tells of draining at once and from then on, and registers no more")
    func draining() {
        var machine = machine()
        let third = now.advanced(by: .seconds(5))
        #expect(machine.answered(.accepted(lease: .seconds(15)), at: now, using: random) == .send(.renew, at: third))
        #expect(machine.drainingBegan() == .drain)
        #expect(machine.drainingBegan() == nil)
        #expect(machine.answered(.accepted(lease: .seconds(15)), at: now, using: random) == .send(.drain, at: third))
        #expect(machine.answered(.missing, at: now, using: random) == .send(.drain, at: third))
        guard case .send(.drain, let instant) = machine.answered(.failed, at: now, using: random) else {
            return #expect(Bool(false), "it goes on")
        }
        #expect(instant <= third)
    }

    @Test("an instance that drains before it is registered says so as soon as it is")
    func drainingEarly() {
        var machine = machine()
        #expect(machine.drainingBegan() == nil)
        #expect(machine.answered(.accepted(lease: .seconds(15)), at: now, using: random) == .send(.drain, at: now))
    }

    @Test("stops when the token is refused")
    func refused() {
        var machine = machine()
        #expect(machine.answered(.refused, at: now, using: random) == .stop)
    }
}
