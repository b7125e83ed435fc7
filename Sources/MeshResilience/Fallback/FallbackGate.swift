// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// The bound and the voice that the fallbacks of closures and of transports share.
final class FallbackGate: Sendable {
    let configuration: FallbackConfiguration
    let name: String
    private let observers: ObserverSet
    private let machine: Mutex<FallbackStateMachine>

    init(_ configuration: FallbackConfiguration, name: String, observers: ObserverSet) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.machine = Mutex(FallbackStateMachine(configuration))
    }

    var running: Int { machine.withLock { $0.running } }

    /// A fallback is about to begin; one that may is followed by `leave`.
    func enter() -> Bool {
        let isFree = machine.withLock { $0.fallbackWanted() }
        tell(isFree ? .fellBack : .refused, because: isFree ? .failure : .limit)
        return isFree
    }

    func leave() {
        machine.withLock { $0.fallbackEnded() }
    }

    func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.fallback, name: name, action, because: reason, isEnforced: isEnforced)
    }

    func refusal(cause: any Error) -> MeshError {
        MeshError(
            .overflow,
            origin: .local,
            requestState: (cause as? MeshError)?.requestState ?? .maybeSent,
            message: "the operation failed and \(configuration.maximumConcurrent) fallbacks are under way",
            cause: cause,
            reason: .limit
        )
    }

    /// Whether nobody wants an answer in the error's place: the caller gave up.
    static func isUnwanted(_ error: any Error) -> Bool {
        error is CancellationError || Task.isCancelled || (error as? MeshError)?.origin == .downstream
    }
}
