// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Ejects endpoints that keep failing: the driver of `OutlierDetectionStateMachine`.
///
/// A success costs one atomic load; only the failure that reaches the threshold takes the lock.
public final class OutlierDetector: Sendable {
    /// When endpoints are ejected.
    public let configuration: OutlierDetection
    private let cluster: String
    private let machine: Mutex<OutlierDetectionStateMachine>
    private let observers: ObserverSet

    /// Creates a detector for a cluster.
    public init(_ configuration: OutlierDetection, cluster: String, observers: ObserverSet) {
        self.configuration = configuration
        self.cluster = cluster
        self.machine = Mutex(OutlierDetectionStateMachine(configuration))
        self.observers = observers
    }

    /// An attempt at an endpoint has ended.
    public func attemptEnded(_ outcome: Outcome, at endpoint: EndpointState, endpointCount: Int, now: MeshInstant) {
        guard let threshold = configuration.consecutiveFailures else { return }
        switch outcome {
        case .ignored: return
        case .success: attemptSucceeded(at: endpoint)
        case .failure:
            let failures = endpoint.consecutiveFailures.wrappingAdd(1, ordering: .relaxed).newValue
            guard failures >= threshold else { return }
            let address = endpoint.endpoint.address
            let action = machine.withLock { $0.failuresReached(address, endpointCount: endpointCount, at: now) }
            for address in action.returned {
                observers.noticed(.endpointReturned(cluster: cluster, endpoint: address))
            }
            guard let until = action.ejectedUntil else { return }
            endpoint.consecutiveFailures.store(0, ordering: .relaxed)
            endpoint.eject(until: until)
            observers.noticed(
                .endpointEjected(
                    cluster: cluster,
                    endpoint: address,
                    duration: until.elapsed(since: now),
                    reason: "\(threshold) consecutive failures"
                )
            )
        }
    }

    /// An attempt at an endpoint was a success, for which it does not matter when it ended.
    public func attemptSucceeded(at endpoint: EndpointState) {
        guard configuration.consecutiveFailures != nil else { return }
        if endpoint.consecutiveFailures.load(ordering: .relaxed) != 0 {
            endpoint.consecutiveFailures.store(0, ordering: .relaxed)
        }
    }

    /// Looks at the ejected endpoints; call it once an interval.
    public func sweep(now: MeshInstant) {
        for address in machine.withLock({ $0.intervalPassed(at: now) }) {
            observers.noticed(.endpointReturned(cluster: cluster, endpoint: address))
        }
    }

    /// The cluster has these endpoints now.
    public func endpointsChanged(_ endpoints: [EndpointState]) {
        let addresses = Set(endpoints.map(\.endpoint.address))
        machine.withLock { $0.endpointsChanged(addresses) }
    }
}
