// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import Synchronization

/// Asks the endpoints of clusters that have a health check: the driver of `ProbeScheduleStateMachine`, within the mesh's
/// `run`.
///
/// An endpoint is known by its checker, which pushes leave alone if they leave its address and its check alone. While
/// nobody is there who could ask, endpoints count as healthy.
final class HealthCheckDriver: Sendable {
    /// The most probes at once. More endpoints than that wait for their turn: a probe that answers takes a millisecond, so
    /// that these are some ten thousand a second.
    static let maximumProbes = 64

    fileprivate struct Session {
        var state: EndpointState
        var checker: EndpointHealthChecker
        var cluster: ClusterRuntime
        var timer: TimerTicket?
        /// When its time comes, while `timer` is armed.
        var dueAt = MeshInstant(nanoseconds: 0)
        /// Nobody could ask it when its time had come.
        var isUnasked = false
    }

    fileprivate struct State {
        var schedule = ProbeScheduleStateMachine(limit: HealthCheckDriver.maximumProbes)
        var sessions: [UInt64: Session] = [:]
        var numbers: [ObjectIdentifier: UInt64] = [:]
        var lastNumber: UInt64 = 0
        var generation: UInt64 = 0
        var wakeups: AsyncStream<Void>.Continuation?
        /// The clusters of which was told that nobody can ask.
        var lamented: Set<String> = []
    }

    let probers: HealthProbers
    private let state = Mutex(State())
    private let clock: any MeshClock
    private let random: MeshRandom
    private let observers: ObserverSet
    private let timers: TimerWheel

    init(
        probers: HealthProbers,
        clock: any MeshClock,
        random: MeshRandom,
        observers: ObserverSet,
        timers: TimerWheel
    ) {
        self.probers = probers
        self.clock = clock
        self.random = random
        self.observers = observers
        self.timers = timers
    }

    /// Whether somebody asks: only then are endpoints unhealthy until they were asked.
    var isAsking: Bool {
        probers.current != nil && state.withLock { $0.wakeups != nil }
    }

    /// Asks until the task is cancelled.
    /// - Parameter snapshot: The configuration in force.
    func run(_ snapshot: @Sendable () -> RuntimeSnapshot, removing: @escaping @Sendable (Set<EndpointKey>) -> Void)
        async throws
    {
        let (wakeups, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let isMine = state.withLock { state in
            guard state.wakeups == nil else { return false }
            state.wakeups = continuation
            return true
        }
        guard isMine else {
            // Somebody runs the mesh already, and asks.
            for await _ in wakeups {}
            throw CancellationError()
        }
        removing(configurationChanged(to: snapshot()))
        await withDiscardingTaskGroup { group in
            for await _ in wakeups {
                while let id = state.withLock({ $0.schedule.next() }) {
                    group.addTask { await self.probe(id) }
                }
            }
            group.cancelAll()
        }
        stop()
        throw CancellationError()
    }

    private func stop() {
        let timers = state.withLock { state in
            defer {
                state.sessions = [:]
                state.numbers = [:]
                state.generation = 0
                state.schedule.stopped()
                state.wakeups = nil
            }
            return state.sessions.values.compactMap(\.timer)
        }
        for timer in timers { self.timers.cancel(timer) }
    }

    /// A configuration is in force: whoever is new in it is asked, and whoever is gone no more.
    /// - Returns: The endpoints of probes that there will be no more.
    /// - Complexity: O(endpoints of clusters that have a check).
    func configurationChanged(to snapshot: RuntimeSnapshot) -> Set<EndpointKey> {
        let now = clock.now
        let (added, removed) = state.withLock { state -> ([(UInt64, EndpointHealthChecker)], [Session]) in
            // Of two pushes at once the later one may come here first.
            guard state.wakeups != nil, snapshot.generation >= state.generation else { return ([], []) }
            state.generation = snapshot.generation
            var added: [(UInt64, EndpointHealthChecker)] = []
            var gone = state.numbers
            for cluster in snapshot.clusters.values where cluster.cluster.healthCheck != nil {
                for endpoint in cluster.endpoints {
                    guard let checker = endpoint.checker else { continue }
                    if let number = gone.removeValue(forKey: ObjectIdentifier(checker)) {
                        state.sessions[number]?.state = endpoint
                        state.sessions[number]?.cluster = cluster
                    } else {
                        let number = state.add(Session(state: endpoint, checker: checker, cluster: cluster))
                        added.append((number, checker))
                    }
                }
            }
            let removed = gone.compactMap { state.remove($0.key) }
            if !gone.isEmpty { state.schedule.removed(Set(gone.values)) }
            return (added, removed)
        }
        for session in removed { session.timer.map { _ = timers.cancel($0) } }
        for (number, checker) in added { wait(number, until: checker.firstProbe(at: now, random: random), now) }
        return Set(removed.map { EndpointKey($0.probe.endpoint) })
    }

    /// Somebody is there who can ask.
    func add(_ prober: any HealthProber) {
        probers.add(prober)
        let timers = state.withLock { state in
            let unasked = state.sessions.filter { $0.value.isUnasked }
            for number in unasked.keys {
                state.sessions[number]?.timer = nil
                state.schedule.timeCame(number)
            }
            state.wakeups?.yield()
            return unasked.values.compactMap(\.timer)
        }
        for timer in timers { self.timers.cancel(timer) }
    }
}

extension HealthCheckDriver: TimerTarget {
    func timerFired(_ token: UInt64) {
        state.withLock { state in
            state.sessions[token]?.timer = nil
            state.schedule.timeCame(token)
            state.wakeups?.yield()
        }
    }

    /// Whether every endpoint that is asked waits for its time: what tests in virtual time wait for.
    var isIdle: Bool {
        let now = clock.now
        return state.withLock {
            $0.wakeups != nil && $0.sessions.values.allSatisfy { $0.timer != nil && $0.dueAt > now }
        }
    }

    /// How many probes run, and how many endpoints wait for room.
    var load: (probing: Int, due: Int) {
        state.withLock { ($0.schedule.probing, $0.schedule.dueCount) }
    }

    private func wait(_ number: UInt64, until instant: MeshInstant, _ now: MeshInstant) {
        guard instant > now else { return timerFired(number) }
        let timer = timers.arm(until: instant, self, token: number)
        let isWanted = state.withLock { state in
            state.sessions[number]?.timer = timer
            state.sessions[number]?.dueAt = instant
            return state.sessions[number] != nil
        }
        if !isWanted { timers.cancel(timer) }
    }
}

// Probes
extension HealthCheckDriver {
    private func probe(_ number: UInt64) async {
        guard let session = state.withLock({ $0.sessions[number] }) else { return ended(number) }
        var result: HealthProbeResult?
        if let prober = probers.current { result = await self.result(of: session.probe, by: prober) }
        // What is cancelled says nothing.
        guard !Task.isCancelled else { return ended(number) }
        let now = clock.now
        let next: MeshInstant
        if let result {
            next = conclude(result, number, at: now)
        } else {
            lament(number, session)
            next = now.advanced(by: max(session.checker.check.interval, .milliseconds(1)))
        }
        ended(number, nextAt: next, now)
    }

    /// Asks, for as long as the check allows.
    private func result(of probe: HealthProbe, by prober: any HealthProber) async -> HealthProbeResult? {
        let timeout = probe.check.timeout
        let deadline = clock.now.advanced(by: timeout)
        return await withTaskGroup(of: HealthProbeResult?.self) { [clock] group in
            group.addTask { await prober.result(of: probe) }
            group.addTask {
                // Cancelled as soon as there is an answer.
                try? await clock.sleep(until: deadline)
                return .failed(.init(.timeout, "no answer within \(timeout.duration)"))
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }

    /// - Returns: When the endpoint is asked again.
    private func conclude(_ result: HealthProbeResult, _ number: UInt64, at now: MeshInstant) -> MeshInstant {
        // The endpoint's state may be another one since a push; if it is gone, nobody wants to know.
        let session = state.withLock { state in
            state.sessions[number]?.isUnasked = false
            return state.sessions[number]
        }
        guard let session else { return now }
        let live = session.cluster.live
        let action = session.checker.probeEnded(
            result,
            at: now,
            hasTraffic: live.traffic.hasBegun,
            random: random
        )
        let name = session.cluster.cluster.name
        let address = session.state.endpoint.address
        if !observers.isEmpty {
            observers.noticed(.endpointProbed(cluster: name, endpoint: address, outcome: result.outcome))
            observers.tell(action.health, after: action.previous, result, of: address, in: name)
        }
        if result.outcome == .success, !action.health.contains(.failed) {
            live.outlierDetector?.foundWell(session.state, now: now)
        }
        return action.next
    }

    /// Nobody can ask an endpoint: it counts as healthy, and its cluster is told of once.
    private func lament(_ number: UInt64, _ session: Session) {
        session.checker.presumeHealthy()
        let name = session.cluster.cluster.name
        let isNews = state.withLock { state in
            state.sessions[number]?.isUnasked = true
            return state.lamented.insert(name).inserted
        }
        if isNews { observers.noticed(.healthCheckUnavailable(cluster: name)) }
    }

    private func ended(_ number: UInt64, nextAt instant: MeshInstant? = nil, _ now: MeshInstant? = nil) {
        let isWanted = state.withLock { state in
            let isWanted = state.schedule.probeEnded(number)
            // There is room for another one.
            state.wakeups?.yield()
            return isWanted
        }
        if isWanted, let instant, let now { wait(number, until: instant, now) }
    }
}

extension HealthCheckDriver.Session {
    /// What its endpoint is asked.
    fileprivate var probe: HealthProbe { HealthProbe(state, checker, cluster: cluster.cluster.name) }
}

extension HealthCheckDriver.State {
    fileprivate mutating func add(_ session: HealthCheckDriver.Session) -> UInt64 {
        lastNumber += 1
        numbers[ObjectIdentifier(session.checker)] = lastNumber
        sessions[lastNumber] = session
        schedule.added(lastNumber)
        return lastNumber
    }

    fileprivate mutating func remove(_ checker: ObjectIdentifier) -> HealthCheckDriver.Session? {
        numbers.removeValue(forKey: checker).flatMap { sessions.removeValue(forKey: $0) }
    }
}
