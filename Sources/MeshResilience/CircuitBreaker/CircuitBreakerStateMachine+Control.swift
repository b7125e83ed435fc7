// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What an operator does to it. A step to the state that it is in begins no new generation.
extension CircuitBreakerStateMachine {
    /// Somebody holds it open or closed, or lets it go; both at once hold it open (Hystrix).
    ///
    /// Calls that are under way count no longer. A half-open breaker that is let go asks for a probe at once.
    public mutating func forcingChanged(to next: Forcing, at now: MeshInstant) {
        guard next != forcing else { return }
        let before = state
        forcing = next
        guard state != before else { return }
        if phase == .halfOpen {
            phase = .open(until: now)
            probes.out = 0
        }
        generation += 1
        cause = .forced
    }

    /// Somebody opens it, for its usual time or for that one; an open one stays open that long from now.
    public mutating func openingWanted(for duration: Nanoseconds? = nil, at now: MeshInstant, using random: MeshRandom)
    {
        let usual = configuration.openDuration(opening: max(openings - 1, 0), using: random)
        let until = now.advanced(by: duration ?? usual)
        if case .open = phase {
            phase = .open(until: until)
        } else {
            enter(.open(until: until), because: .forced, at: now)
        }
    }

    /// Somebody closes it; the counts begin anew.
    public mutating func closingWanted(at now: MeshInstant) {
        if phase != .closed { enter(.closed, because: .forced, at: now) }
    }

    /// Somebody lets probes through now.
    /// - Returns: Whether that is a step from where it is: a closed breaker has nothing to probe.
    public mutating func probingWanted(at now: MeshInstant) -> Bool {
        guard phase != .closed else { return false }
        if phase != .halfOpen { enter(.halfOpen, because: .forced, at: now) }
        return true
    }

    /// Somebody lets it act, only look, or rest; resting it closes and remembers nothing.
    public mutating func modeChanged(to next: PolicyMode, at now: MeshInstant) {
        guard next != mode else { return }
        mode = next
        if next == .disabled, phase != .closed { enter(.closed, because: .forced, at: now) }
        if next == .disabled { forgetCounts(at: now) }
        // What was admitted under the other mode is not counted in this one.
        probes.out = 0
        generation += 1
    }

    /// Everything is forgotten, forcing included: closed, with no count and no history.
    public mutating func reset(at now: MeshInstant) {
        forcingChanged(to: [], at: now)
        closingWanted(at: now)
        forgetCounts(at: now)
        generation += 1
        openings = 0
        recoveries = 0
        refused = 0
    }
}
