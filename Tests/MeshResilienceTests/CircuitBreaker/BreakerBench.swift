// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// A breaker's machine with a time of its own, driven by words, one call a letter: `F` failure, `S` success, `I` ignored,
/// `O` overload.
struct BreakerBench {
    var machine: CircuitBreakerStateMachine
    var now: MeshInstant
    let random: MeshRandom

    init(
        _ configuration: CircuitBreakerConfiguration,
        at start: MeshInstant = MeshInstant(nanoseconds: 1_000_000_000),
        seed: UInt64 = 1
    ) {
        machine = CircuitBreakerStateMachine(configuration, at: start)
        now = start
        random = MeshRandom(seed: seed)
    }

    var isOpen: Bool { if case .open = machine.state { true } else { false } }
    var metrics: CircuitBreakerMetrics { machine.metrics(at: now) }

    /// How long it stays open from now; `nil` if it is not open.
    var openFor: Nanoseconds? {
        if case .open(let until) = machine.state { until.elapsed(since: now) } else { nil }
    }

    mutating func wait(_ time: Nanoseconds) { now = now.advanced(by: time) }

    /// Waits until an open breaker would let a probe through.
    mutating func waitOut() { if let openFor { wait(openFor) } }

    mutating func ask() -> CircuitBreakerStateMachine.Admission { machine.callWanted(at: now, using: random) }

    mutating func admit() -> UInt64? {
        if case .admitted(let permit) = ask() { permit } else { nil }
    }

    mutating func end(_ letter: Character, _ permit: UInt64, taking duration: Nanoseconds = .zero) {
        let outcome: Outcome = letter == "F" ? .failure : letter == "I" ? .ignored : .success
        machine.callEnded(
            .init(outcome, isOverload: letter == "O", duration: duration),
            permit: permit,
            at: now,
            using: random
        )
    }

    /// Makes calls; those that are refused are passed over.
    /// - Returns: How many were admitted.
    @discardableResult
    mutating func play(_ outcomes: String, step: Nanoseconds = .zero, taking duration: Nanoseconds = .zero) -> Int {
        var admitted = 0
        for letter in outcomes {
            wait(step)
            guard let permit = admit() else { continue }
            admitted += 1
            end(letter, permit, taking: duration)
        }
        return admitted
    }
}

extension String {
    /// `"F" * 3` is `FFF`.
    static func * (letters: String, count: Int) -> String { String(repeating: letters, count: count) }
}

/// Where an error is kept: an existential of `Error` is one reference to its box.
func box(of error: any Error) -> UInt {
    // Wrapped, because a bare existential would be opened, and its content cast.
    struct Wrapped { var error: any Error }
    return unsafeBitCast(Wrapped(error: error), to: UInt.self)
}
