// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A circuit breaker's memory and decisions.
///
/// ```
///              a rule is broken               openDuration over
///  ┌─▶ closed ─────────────────▶ open ─────────────────────────────────▶ halfOpen
///  │                              ▲                                        │ │
///  │                              └── a probe fails, or none reports ──────┘ │
///  └──────────────────────────────── the probes recover ─────────────────────┘
/// ```
/// Every change of state begins a new generation, and a permit carries the one it was given in: a result that comes in
/// late, from an earlier state, changes no state. Forcing lies over the states; while it lasts, none changes.
public struct CircuitBreakerStateMachine: Sendable {
    /// The states. More may come: switch with a default.
    public enum State: Hashable, Sendable {
        /// Calls pass and are counted.
        case closed
        /// Calls are refused until that instant.
        case open(until: MeshInstant)
        /// Some probes pass.
        case halfOpen
        /// Somebody keeps it open.
        case forcedOpen
        /// Somebody keeps it closed; calls are counted, and nothing follows from it.
        case forcedClosed
    }

    /// The answer to a call.
    public enum Admission: Hashable, Sendable {
        /// It may pass, and reports its outcome with this permit; 0 stands for a call that is not counted.
        case admitted(permit: UInt64)
        /// It is refused; after that time it makes sense to ask again: zero if any moment may do, `forever` if none is
        /// known.
        case refused(retryAfter: Nanoseconds)
    }

    /// What somebody holds it in. Hystrix' two switches: both together hold it open.
    public struct Forcing: OptionSet, Hashable, Sendable {
        /// The bits.
        public let rawValue: UInt8

        /// Creates a set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Every call is refused.
        public static let open = Forcing(rawValue: 1)
        /// Every call passes.
        public static let closed = Forcing(rawValue: 2)
    }

    /// Whether it acts. The machine decides alike in `enforce` and `observe`; what follows is its driver's business.
    public internal(set) var mode: PolicyMode
    /// Why it is in its state.
    public internal(set) var cause: Cause
    /// Grows by one with each change of state.
    public internal(set) var generation: UInt64 = 1
    /// What somebody holds it in.
    public internal(set) var forcing: Forcing = []
    /// How often it opened since the last recovery.
    public internal(set) var openings = 0

    let configuration: CircuitBreakerConfiguration
    let rules: CircuitBreakerRules
    /// Its own state, below any forcing: never a forced one.
    var phase: State = .closed
    var window: CircuitBreakerWindow
    var probes = Probes()
    /// Whether the counts that are shown are those of the last probes.
    var showsProbes = false
    var consecutiveFailures = 0
    var consecutiveSuccesses = 0
    var average = 1.0
    var averagedCalls = 0
    var refused: UInt64 = 0
    var recoveries = 0

    /// The half-open state's counts.
    struct Probes: Sendable {
        var out = 0
        var sums = CircuitBreakerWindow.Sums()
        var successes = 0
        var since = MeshInstant(nanoseconds: 0)
        /// Whether one was let through, and when the last one was.
        var wasAsked = false
        var last = MeshInstant(nanoseconds: 0)
    }

    /// Creates a breaker in its initial state.
    /// - Parameter now: When its first bucket begins.
    public init(_ configuration: CircuitBreakerConfiguration, at now: MeshInstant = MeshInstant(nanoseconds: 0)) {
        self.configuration = configuration
        self.rules = CircuitBreakerRules(configuration)
        self.window = CircuitBreakerWindow(configuration, at: now)
        self.mode = configuration.mode
        self.cause = .initial
        switch configuration.initialState {
        case .closed: break
        case .open: phase = .open(until: now.advanced(by: configuration.openDuration))
        case .halfOpen:
            phase = .halfOpen
            probes.since = now
            showsProbes = true
        case .forcedOpen: forcing = .open
        }
    }

    /// The state.
    public var state: State {
        forcing.contains(.open) ? .forcedOpen : forcing.contains(.closed) ? .forcedClosed : phase
    }

    /// The permit that every call gets while all of them pass and are counted; 0 while that is not so.
    var commonPermit: UInt64 {
        phase == .closed && mode != .disabled && !forcing.contains(.open) ? generation : 0
    }

    /// A call wants to pass.
    public mutating func callWanted(at now: MeshInstant, using random: MeshRandom) -> Admission {
        guard mode != .disabled else { return .admitted(permit: 0) }
        guard !forcing.contains(.open) else { return refuse(.forever) }
        guard forcing.isEmpty else { return .admitted(permit: phase == .closed ? generation : 0) }
        timePassed(at: now, isAsked: true, using: random)
        switch phase {
        case .open(let until): return refuse(until == .endOfTime ? .forever : until.elapsed(since: now))
        case .halfOpen: return probeWanted(at: now)
        default: return .admitted(permit: generation)
        }
    }

    /// A call that was admitted has ended.
    public mutating func callEnded(_ ending: Ending, permit: UInt64, at now: MeshInstant, using random: MeshRandom) {
        if phase == .halfOpen { timePassed(at: now, isAsked: false, using: random) }
        guard permit == generation else { return lateCallEnded(ending, permit: permit, at: now) }
        switch phase {
        case .closed: countedCallEnded(ending, at: now, using: random)
        case .halfOpen: probeEnded(ending, at: now, using: random)
        default: break
        }
    }

    private mutating func refuse(_ wait: Nanoseconds) -> Admission {
        refused &+= 1
        return .refused(retryAfter: wait)
    }
}

// MARK: - Closed

extension CircuitBreakerStateMachine {
    /// A call has ended that can change no state: it succeeded, in time, while the breaker is closed. What `callEnded` does
    /// then, in one step.
    /// - Returns: `false` if it is not such a call; then nothing has changed.
    @inline(__always)
    mutating func endedWell(after duration: Nanoseconds, permit: UInt64, at now: MeshInstant) -> Bool {
        guard permit == generation, case .closed = phase, rules.overlooksSuccesses, duration <= rules.slowCallDuration
        else { return false }
        window.addSuccess(at: now)
        consecutiveFailures = 0
        consecutiveSuccesses &+= 1
        return true
    }

    private mutating func countedCallEnded(_ ending: Ending, at now: MeshInstant, using random: MeshRandom) {
        guard ending.outcome != .ignored else { return }
        let isFailure = ending.outcome == .failure && !ending.isOverload
        let isBad = isFailure || ending.isOverload
        let isSlow = ending.duration > rules.slowCallDuration
        window.add(failed: isBad, slow: isSlow, at: now)
        if isFailure {
            consecutiveFailures &+= 1
            consecutiveSuccesses = 0
        } else {
            // An answer of overload is an answer: it ends a run of failures (Linkerd).
            consecutiveFailures = 0
            consecutiveSuccesses = isBad ? 0 : consecutiveSuccesses &+ 1
        }
        if let rule = rules.average {
            averagedCalls &+= 1
            let value = isBad ? 0.0 : 1.0
            average = averagedCalls == 1 ? value : average * rule.weight + value * (1 - rule.weight)
        }
        guard isBad || isSlow || rules.judgesEveryCall, forcing.isEmpty else { return }
        if let rule = brokenRule() { open(because: rule, after: ending.retryAfter, at: now, using: random) }
    }

    /// The first rule that is broken; the count of failures in a row comes first, as the plainest reason (Linkerd).
    private func brokenRule() -> Cause? {
        if consecutiveFailures >= rules.consecutiveFailures { return .consecutiveFailures }
        let sums = window.sums
        if sums.failures >= rules.failureCount { return .failureCount }
        if sums.calls >= rules.minimumCalls, let rate = rules.brokenRate(sums) { return rate }
        guard let rule = rules.average, averagedCalls >= rule.span, average < rule.minimum else { return nil }
        return .averageSuccessRate
    }
}

// MARK: - Half open

extension CircuitBreakerStateMachine {
    /// How many results decide.
    var probesNeeded: Int {
        if case .successes(let count) = configuration.recovery { count } else { configuration.probes }
    }

    private mutating func probeWanted(at now: MeshInstant) -> Admission {
        let settled = configuration.recovery == .rates ? probes.sums.calls : probes.successes
        // Never more than the decision still needs, and never more at once than there are permits.
        let places = min(configuration.probes, max(configuration.probes, probesNeeded) &- settled)
        if probes.out >= places {
            let timeout = probes.last.advanced(by: configuration.probeTimeout)
            guard places > 0, now >= timeout, timeout != .endOfTime else { return refuse(.zero) }
            // The probes that hang are of an older generation from here on; the results that are in stay.
            generation += 1
            probes.out = 0
        } else if probes.wasAsked, configuration.probeInterval > .zero {
            let next = probes.last.advanced(by: configuration.probeInterval)
            guard now >= next else { return refuse(next.elapsed(since: now)) }
        }
        probes.out += 1
        probes.last = now
        probes.wasAsked = true
        return .admitted(permit: generation)
    }

    private mutating func probeEnded(_ ending: Ending, at now: MeshInstant, using random: MeshRandom) {
        // More results than probes is a caller's mistake, and makes no room for a further one.
        probes.out = max(probes.out - 1, 0)
        guard ending.outcome != .ignored else {
            if configuration.reopensOnIgnoredProbe {
                open(because: .probeIgnored, after: nil, isCounted: false, at: now, using: random)
            }
            return
        }
        let isBad = ending.outcome == .failure || ending.isOverload
        probes.sums.add(failed: isBad, slow: ending.duration > rules.slowCallDuration)
        consecutiveFailures = isBad && !ending.isOverload ? consecutiveFailures &+ 1 : 0
        consecutiveSuccesses = isBad ? 0 : consecutiveSuccesses &+ 1
        if configuration.recovery == .rates {
            guard probes.sums.calls >= configuration.probes else { return }
            if let rate = rules.brokenRate(probes.sums) {
                open(because: rate, after: ending.retryAfter, at: now, using: random)
            } else {
                enter(.closed, because: .recovered, at: now)
            }
        } else if isBad {
            open(because: .probeFailed, after: ending.retryAfter, at: now, using: random)
        } else {
            probes.successes += 1
            if probes.successes >= probesNeeded { enter(.closed, because: .recovered, at: now) }
        }
    }
}

// MARK: - Changes of state

extension CircuitBreakerStateMachine {
    /// Time has passed: an open breaker may have become half open, and a half-open one may have waited too long.
    /// - Parameter isAsked: Whether a call wants to pass; without one, open becomes half open only where that is
    ///   automatic.
    public mutating func timePassed(at now: MeshInstant, isAsked: Bool = false, using random: MeshRandom) {
        guard forcing.isEmpty, mode != .disabled else { return }
        if phase == .halfOpen, configuration.halfOpenLimit != .forever {
            let end = probes.since.advanced(by: configuration.halfOpenLimit)
            if now >= end {
                if configuration.closesAfterHalfOpenLimit {
                    enter(.closed, because: .probesTimedOut, at: now)
                } else {
                    // As if a timer had fired: what nobody looked at has been open since the limit.
                    open(because: .probesTimedOut, after: nil, at: end, using: random)
                }
            }
        }
        if case .open(let until) = phase, now >= until, isAsked || configuration.isHalfOpenAutomatic {
            enter(.halfOpen, because: .waitOver, at: now)
        }
    }

    mutating func open(
        because cause: Cause,
        after retryAfter: Nanoseconds?,
        isCounted: Bool = true,
        at now: MeshInstant,
        using random: MeshRandom
    ) {
        // The count stands at the opening that is in force; a million in a row are as good as endless.
        if isCounted || openings == 0 { openings = min(openings + 1, 1_000_000) }
        let asked = min(retryAfter ?? .zero, configuration.maximumRetryAfter)
        let duration = max(configuration.openDuration(opening: openings - 1, using: random), asked)
        enter(.open(until: now.advanced(by: duration)), because: cause, at: now)
    }

    mutating func enter(_ next: State, because cause: Cause, at now: MeshInstant) {
        phase = next
        generation += 1
        self.cause = cause
        switch next {
        case .closed:
            forgetCounts(at: now)
            openings = 0
            if cause == .recovered { recoveries += 1 }
        case .halfOpen:
            probes = Probes()
            probes.since = now
            showsProbes = true
            consecutiveFailures = 0
            consecutiveSuccesses = 0
        default:
            // Probes that are out yet belong to the state before: nobody waits for them any more.
            probes.out = 0
            if configuration.countsWhileOpen == .cleared { forgetCounts(at: now) }
        }
    }

    mutating func forgetCounts(at now: MeshInstant) {
        window.empty(at: now)
        probes = Probes()
        showsProbes = false
        consecutiveFailures = 0
        consecutiveSuccesses = 0
        average = 1
        averagedCalls = 0
    }

    /// A result of an earlier state: at most it is counted, and only while the state that it belongs to is shown.
    private mutating func lateCallEnded(_ ending: Ending, permit: UInt64, at now: MeshInstant) {
        guard case .open = phase, configuration.countsWhileOpen == .live, permit != 0, permit == generation - 1,
            ending.outcome != .ignored
        else { return }
        let isBad = ending.outcome == .failure || ending.isOverload
        let isSlow = ending.duration > rules.slowCallDuration
        if showsProbes {
            probes.sums.add(failed: isBad, slow: isSlow)
        } else {
            window.add(failed: isBad, slow: isSlow, at: now)
        }
    }
}

extension MeshInstant {
    /// The instant that saturated arithmetic ends at.
    static let endOfTime = MeshInstant(nanoseconds: .max)
}
