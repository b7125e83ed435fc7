// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import Synchronization

/// Asks the endpoints of clusters whose balancers want it to report their load apart from answers: the driver of
/// `LoadReportCallStateMachine`, within the mesh's `run`.
///
/// One call to each endpoint stays open. An endpoint is known by what is asked of it, so that pushes that leave its
/// address, its connection and the period alone leave its call alone.
final class LoadReportDriver: Sendable {
    fileprivate struct State {
        var sessions: [LoadReportSubscription: LoadReportSession] = [:]
        /// Those that nobody follows yet.
        var new: [LoadReportSubscription] = []
        var generation: UInt64 = 0
        var wakeups: AsyncStream<Void>.Continuation?
        /// The clusters of which was told that nobody can ask.
        var lamented: Set<String> = []
    }

    private let sources: LoadReportSources
    private let state = Mutex(State())
    private let clock: any MeshClock
    private let random: MeshRandom
    private let observers: ObserverSet

    init(sources: LoadReportSources, clock: any MeshClock, random: MeshRandom, observers: ObserverSet) {
        self.sources = sources
        self.clock = clock
        self.random = random
        self.observers = observers
    }

    /// Asks until the task is cancelled.
    /// - Parameter snapshot: The configuration in force.
    func run(_ snapshot: @Sendable () -> RuntimeSnapshot) async throws {
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
        configurationChanged(to: snapshot())
        await withDiscardingTaskGroup { group in
            for await _ in wakeups {
                let new = state.withLock { state in
                    defer { state.new = [] }
                    return state.new.compactMap { one in state.sessions[one].map { (one, $0.bell) } }
                }
                for (subscription, bell) in new {
                    group.addTask { await self.attend(to: subscription, bell) }
                }
            }
            group.cancelAll()
        }
        state.withLock { $0 = State() }
        throw CancellationError()
    }

    /// A configuration is in force: whoever is new in it is asked, and whoever is gone no more.
    /// - Complexity: O(endpoints of clusters that want reports).
    func configurationChanged(to snapshot: RuntimeSnapshot) {
        let gone = state.withLock { state -> [LoadReportSession] in
            // Of two pushes at once the later one may come here first.
            guard state.wakeups != nil, snapshot.generation >= state.generation else { return [] }
            state.generation = snapshot.generation
            let before = state.sessions
            state.sessions = [:]
            for cluster in snapshot.clusters.values {
                guard let period = cluster.cluster.loadBalancing.policy.loadReportPeriod else { continue }
                let name = cluster.cluster.name
                for endpoint in cluster.endpoints {
                    let subscription = LoadReportSubscription(endpoint, period: period, cluster: name)
                    if state.sessions[subscription] != nil {
                        state.sessions[subscription]?.states.append(endpoint)
                    } else if var session = before[subscription] {
                        session.states = [endpoint]
                        session.cluster = cluster
                        state.sessions[subscription] = session
                    } else {
                        state.sessions[subscription] = LoadReportSession(endpoint, cluster: cluster, period: period)
                        state.new.append(subscription)
                    }
                }
            }
            state.new.removeAll { state.sessions[$0] == nil }
            if !state.new.isEmpty { state.wakeups?.yield() }
            return before.filter { state.sessions[$0.key] == nil }.map(\.value)
        }
        for session in gone { session.ringer.finish() }
    }

    /// Somebody is there who can ask.
    func add(_ source: any LoadReportSource) {
        sources.add(source)
        let unasked = state.withLock { state in
            state.sessions.keys.compactMap { state.wake($0) }
        }
        for ringer in unasked { ringer.yield() }
    }

    /// What is known of an endpoint's call, in words; `nil` if it is not asked.
    func summary(of endpoint: EndpointState, in cluster: ClusterRuntime, at now: MeshInstant) -> String? {
        guard let period = cluster.cluster.loadBalancing.policy.loadReportPeriod else { return nil }
        let subscription = LoadReportSubscription(endpoint, period: period, cluster: cluster.cluster.name)
        guard let session = state.withLock({ $0.sessions[subscription] }) else {
            return "asked for load reports once the mesh runs"
        }
        return session.summary(at: now)
    }
}

// Calls
extension LoadReportDriver {
    /// Asks an endpoint until nobody wants to know any more.
    private func attend(to subscription: LoadReportSubscription, _ bell: AsyncStream<Void>) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.ask(subscription) }
            for await _ in bell {
                group.addTask { await self.ask(subscription) }
            }
            group.cancelAll()
        }
    }

    /// Asks an endpoint again and again, until it or its source cannot.
    private func ask(_ subscription: LoadReportSubscription) async {
        while !Task.isCancelled {
            guard let source = sources.current else { return unasked(subscription, by: nil) }
            change(subscription) { $0.machine.asked(at: clock.now) }
            let ending = await call(subscription, source)
            // What is cancelled says nothing.
            guard !Task.isCancelled else { return }
            guard let ending else { return unasked(subscription, by: source) }
            guard let next = ended(subscription, ending) else { return }
            guard (try? await clock.sleep(until: next)) != nil else { return }
        }
    }

    /// Follows one call, for as long as it is not silent for too long.
    private func call(
        _ subscription: LoadReportSubscription,
        _ source: any LoadReportSource
    ) async -> LoadReportCallEnding? {
        await withTaskGroup(of: LoadReportCallEnding?.self) { group in
            group.addTask { await source.follow(subscription) { self.received($0, from: subscription) } }
            group.addTask { await self.silence(of: subscription) }
            let first = await group.next()
            group.cancelAll()
            return first ?? nil
        }
    }

    /// Waits until a call has brought nothing for too long.
    private func silence(of subscription: LoadReportSubscription) async -> LoadReportCallEnding? {
        while let machine = state.withLock({ $0.sessions[subscription]?.machine }), let limit = machine.silentAt {
            guard limit > clock.now else { return .failed("no report within \(machine.longestSilence.duration)") }
            guard (try? await clock.sleep(until: limit)) != nil else { return nil }
        }
        return nil
    }

    private func received(_ report: Result<LoadReport, LoadReportError>, from subscription: LoadReportSubscription) {
        let now = clock.now
        guard let session = change(subscription, { $0.machine.reportReceived(at: now) }) else { return }
        session.take(report, at: now)
        if !observers.isEmpty, let event = session.event(report) { observers.noticed(event) }
    }

    /// - Returns: When the endpoint is asked again; `nil` for never.
    private func ended(_ subscription: LoadReportSubscription, _ ending: LoadReportCallEnding) -> MeshInstant? {
        let now = clock.now
        var random = random
        var action = LoadReportCallStateMachine.Action.giveUp
        let session = change(subscription) { action = $0.machine.ended(ending, at: now, using: &random) }
        guard let session, let endpoint = session.states.first?.endpoint.address else { return nil }
        let name = session.cluster.cluster.name
        switch (ending, action) {
        case (.failed(let reason), .askAgain(let next)):
            observers.noticed(.loadReportCallFailed(cluster: name, endpoint: endpoint, reason: reason))
            return next
        default:
            observers.noticed(.loadReportCallRefused(cluster: name, endpoint: endpoint))
            return nil
        }
    }

    /// Nobody can ask an endpoint; its cluster is told of once.
    /// - Parameter source: The one that could not; `nil` if there was none.
    private func unasked(_ subscription: LoadReportSubscription, by source: (any LoadReportSource)?) {
        let news = state.withLock { state -> String? in
            guard let session = state.sessions[subscription] else { return nil }
            state.sessions[subscription]?.machine.unasked()
            state.sessions[subscription]?.isUnasked = true
            let name = session.cluster.cluster.name
            return state.lamented.insert(name).inserted ? name : nil
        }
        if let news { observers.noticed(.loadReportsUnavailable(cluster: news)) }
        // Who came between the question and the answer has found nobody to wake.
        guard let other = sources.current, other !== source else { return }
        state.withLock { $0.wake(subscription) }?.yield()
    }

    @discardableResult
    private func change(
        _ subscription: LoadReportSubscription,
        _ body: (inout LoadReportSession) -> Void
    ) -> LoadReportSession? {
        state.withLock { state in
            guard var session = state.sessions[subscription] else { return nil }
            body(&session)
            state.sessions[subscription] = session
            return session
        }
    }
}

extension LoadReportDriver.State {
    /// - Returns: Who is to ring for an endpoint that nobody could ask.
    fileprivate mutating func wake(_ subscription: LoadReportSubscription) -> AsyncStream<Void>.Continuation? {
        guard let session = sessions[subscription], session.isUnasked else { return nil }
        sessions[subscription]?.isUnasked = false
        return session.ringer
    }
}
