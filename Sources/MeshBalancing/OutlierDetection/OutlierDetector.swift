// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Ejects endpoints that do worse than they should: the driver of `OutlierDetectionStateMachine`.
///
/// A success costs one atomic load and one addition; only the failure that reaches a threshold takes the lock.
public final class OutlierDetector: Sendable {
    /// When endpoints are ejected.
    public let configuration: OutlierDetection
    private let cluster: String
    private let machine: Mutex<OutlierDetectionStateMachine>
    private let observers: ObserverSet
    private let random: MeshRandom
    private let countsRates: Bool
    private let splits: Bool
    private let countsStreaks: Bool
    private let nextIntervalNanoseconds: Atomic<UInt64>

    /// Creates a detector for a cluster.
    /// - Parameter now: When its first interval begins.
    public init(
        _ configuration: OutlierDetection,
        cluster: String,
        observers: ObserverSet,
        random: MeshRandom,
        now: MeshInstant
    ) {
        let machine = OutlierDetectionStateMachine(configuration, at: now)
        self.configuration = configuration
        self.cluster = cluster
        self.nextIntervalNanoseconds = Atomic(machine.nextInterval.nanoseconds)
        self.machine = Mutex(machine)
        self.observers = observers
        self.random = random
        self.countsRates = configuration.successRate != nil || configuration.failurePercentage != nil
        self.splits = configuration.splitsLocalOriginFailures && configuration.mode == .envoy
        self.countsStreaks = configuration.mode == .envoy
    }

    /// When `sweep` has something to do next.
    public var nextInterval: MeshInstant {
        MeshInstant(nanoseconds: nextIntervalNanoseconds.load(ordering: .relaxed))
    }

    /// An attempt at an endpoint has ended.
    /// - Parameter endpointCount: How many endpoints the cluster has.
    public func attemptEnded(_ result: AttemptResult, at endpoint: EndpointState, endpointCount: Int, now: MeshInstant)
    {
        switch result {
        case .ignored: return
        case .success: attemptSucceeded(at: endpoint)
        case .failure(let status):
            reached(endpoint)
            failed(with: status, endpoint, endpointCount, now)
        case .localOrigin(let status, let isConnected):
            guard splits else { return failed(with: status, endpoint, endpointCount, now) }
            if isConnected { reached(endpoint) }
            if countsRates { endpoint.tally.localOrigin.failed() }
            let rule = configuration.consecutiveLocalOriginFailures
            extend(.localOriginFailures, rule, .consecutiveLocalOriginFailures, endpoint, endpointCount, now)
        }
    }

    /// An attempt at an endpoint was a success, for which it does not matter when it ended.
    public func attemptSucceeded(at endpoint: EndpointState) {
        if countsRates {
            endpoint.tally.answers.succeeded()
            if splits { endpoint.tally.localOrigin.succeeded() }
        }
        endpoint.tally.endStreaks()
    }

    /// Ends the interval if its time has come: judges rates, and tells who is back.
    /// - Parameter endpoints: All of the cluster's.
    public func sweep(_ endpoints: [EndpointState], now: MeshInstant) {
        guard nextInterval <= now else { return }
        let samples = endpoints.map {
            let tally = $0.tally.take()
            return OutlierDetectionStateMachine.Sample(
                $0.endpoint.address,
                answers: tally.answers,
                localOrigin: tally.localOrigin
            )
        }
        let action = machine.withLock { machine in
            let action = machine.timePassed(at: now, samples, random: { random.next() })
            nextIntervalNanoseconds.store(machine.nextInterval.nanoseconds, ordering: .relaxed)
            return action
        }
        guard !action.findings.isEmpty || !action.returned.isEmpty else { return }
        let known = Dictionary(endpoints.map { ($0.endpoint.address, $0) }) { first, _ in first }
        for address in action.returned {
            // A few new failures must not eject it again because of the old ones.
            known[address]?.tally.endStreaks()
        }
        for finding in action.findings {
            if let endpoint = known[finding.address] { enforce(finding, at: endpoint, now) }
        }
        tell(action, now)
    }

    /// A probe of an active check has found an endpoint well: if it is ejected, it returns, where that is wished.
    public func foundWell(_ endpoint: EndpointState, now: MeshInstant) {
        guard configuration.successfulHealthCheckUnejects, endpoint.isEjected(at: now) else { return }
        let address = endpoint.endpoint.address
        guard machine.withLock({ $0.foundWell(address, at: now) }) else { return }
        endpoint.forgetFailures()
        tell(OutlierDetectionStateMachine.Action(returned: [address]), now)
    }

    /// The cluster has these endpoints now.
    public func endpointsChanged(_ endpoints: [EndpointState]) {
        let addresses = Set(endpoints.map(\.endpoint.address))
        machine.withLock { $0.endpointsChanged(addresses) }
    }
}

extension OutlierDetector {
    /// There was a connection to an endpoint.
    private func reached(_ endpoint: EndpointState) {
        guard splits else { return }
        endpoint.tally.end(.localOriginFailures)
        if countsRates { endpoint.tally.localOrigin.succeeded() }
    }

    private func failed(with status: Int, _ endpoint: EndpointState, _ endpointCount: Int, _ now: MeshInstant) {
        if countsRates { endpoint.tally.answers.failed() }
        if (502...504).contains(status) {
            let rule = configuration.consecutiveGatewayFailures
            extend(.gatewayFailures, rule, .consecutiveGatewayFailures, endpoint, endpointCount, now)
        } else {
            endpoint.tally.end(.gatewayFailures)
        }
        extend(.failures, configuration.consecutiveFailures, .consecutiveFailures, endpoint, endpointCount, now)
    }

    /// Counts a failure in a row, and judges the endpoint where its rule says so.
    private func extend(
        _ streak: OutlierTally.Streak,
        _ rule: OutlierDetection.Streak?,
        _ cause: OutlierCause,
        _ endpoint: EndpointState,
        _ endpointCount: Int,
        _ now: MeshInstant
    ) {
        guard countsStreaks, let rule, endpoint.tally.extend(streak) == rule.threshold else { return }
        let address = endpoint.endpoint.address
        let action = machine.withLock {
            $0.streakReached(cause, address, endpointCount: endpointCount, at: now, random: { random.next() })
        }
        for finding in action.findings {
            // Whatever follows, the next row is a new one.
            endpoint.tally.end(streak)
            enforce(finding, at: endpoint, now)
        }
        tell(action, now)
    }

    private func enforce(
        _ finding: OutlierDetectionStateMachine.Finding,
        at endpoint: EndpointState,
        _ now: MeshInstant
    ) {
        guard case .ejected(let until) = finding.consequence else { return }
        endpoint.eject(until: until)
    }

    private func tell(_ action: OutlierDetectionStateMachine.Action, _ now: MeshInstant) {
        guard !observers.isEmpty else { return }
        for address in action.returned {
            observers.noticed(.endpointReturned(cluster: cluster, endpoint: address))
        }
        for finding in action.findings { observers.noticed(event(finding, now)) }
    }

    private func event(_ finding: OutlierDetectionStateMachine.Finding, _ now: MeshInstant) -> MeshEvent {
        let reason = configuration.text(of: finding.cause)
        switch finding.consequence {
        case .ejected(let until):
            let duration = until.elapsed(since: now)
            return .endpointEjected(
                cluster: cluster,
                endpoint: finding.address,
                duration: duration,
                rule: finding.cause.rawValue,
                reason: reason
            )
        case .notEnforced: return withheld(finding, reason, because: .notEnforced)
        case .overLimit: return withheld(finding, reason, because: .overLimit)
        }
    }

    private func withheld(
        _ finding: OutlierDetectionStateMachine.Finding,
        _ reason: String,
        because obstacle: EjectionObstacle
    ) -> MeshEvent {
        .ejectionWithheld(
            cluster: cluster,
            endpoint: finding.address,
            rule: finding.cause.rawValue,
            reason: reason,
            because: obstacle
        )
    }
}

extension OutlierTally {
    /// What was counted since the last time; the next begins at nothing.
    fileprivate func take() -> (
        answers: OutlierDetectionStateMachine.Rate, localOrigin: OutlierDetectionStateMachine.Rate
    ) {
        (answers.take(), localOrigin.take())
    }
}
