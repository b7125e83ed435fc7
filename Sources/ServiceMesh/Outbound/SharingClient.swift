// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
import Synchronization

/// One client's side of the response caches and coalescings that stand on routes and clusters.
///
/// Each client has its own of every one of them. Clients differ in what their middleware adds below (an identity, say),
/// which is no part of what requests are compared by.
public final class SharingClient<Request: RequestHead, Response: ResponseHead>: Sendable {
    /// `nil` if answers are not shared.
    private let replay: ResponseReplay<Request, Response>?
    /// Why they are not.
    let hindrance: SharingHindrance?
    private let observers: ObserverSet
    private let isTold = Atomic(false)

    init(_ replay: ResponseReplay<Request, Response>?, hasAttemptMiddleware: Bool, observers: ObserverSet) {
        // Fails closed: who it is that asks may be known only further down.
        let isAllowed = !hasAttemptMiddleware || replay?.allowsAttemptMiddleware ?? false
        self.replay = isAllowed ? replay : nil
        self.hindrance = replay == nil ? .noReplay : isAllowed ? nil : .attemptMiddleware
        self.observers = observers
    }

    /// The client's memory under a route's policy; `nil` if they are not shared.
    @usableFromInline
    func cache(of policy: RouteCache) -> TransportCache<Request, Response>? {
        guard let replay else { return tell(policy.name, policy.configuration.mode) }
        return policy.clients.member(of: self) {
            let rules = policy.rules
            return TransportCache(
                validated: policy.configuration,
                sharing: replay.sharing(by: rules, conditions: policy.conditions),
                name: policy.name,
                observers: observers,
                clock: policy.clock,
                cost: replay.bytes,
                isCacheable: { rules.isForEverybody($0) }
            )
        }
    }

    /// The client's requests under way under a route's policy; `nil` if they are not shared.
    @usableFromInline
    func coalescing(of policy: RouteCoalescing) -> TransportCoalescing<Request, Response>? {
        guard let replay else { return tell(policy.name, policy.configuration.mode) }
        return policy.clients.member(of: self) {
            TransportCoalescing(
                validated: policy.configuration,
                sharing: replay.sharing(by: policy.rules, conditions: policy.conditions),
                name: policy.name,
                observers: observers,
                timers: policy.timers
            )
        }
    }

    /// Says once that a policy does not act for this client. `Mesh.explain` says it, too.
    private func tell<Policy>(_ name: String, _ mode: PolicyMode) -> Policy? {
        guard let hindrance, mode != .disabled, !isTold.exchange(true, ordering: .relaxed) else { return nil }
        observers.noticed(
            .unexpected(
                component: "response sharing",
                message: "\(name) has a response cache or coalescing, which does not act: the client's stack was "
                    + hindrance.reason
            )
        )
        return nil
    }
}

extension ResponseReplay {
    /// The same with rules for what is shared.
    /// - Parameter conditions: The fields by which layers below treat requests differently. They are no part of the rules:
    ///   there, a field in the key lets requests with an identity share, and responses vary by it.
    fileprivate func sharing(
        by rules: ResponseSharingRules,
        conditions: [HeaderName]
    ) -> ResponseSharing<Request, Response> {
        ResponseSharing(
            key: { [isBare] request in
                guard isBare(request), var key = rules.key(of: request) else { return nil }
                // A condition may ask whether a field is there: an empty one is another thing than none.
                for name in conditions { key += request.fieldOrPseudoField(name).map { "\n=\($0)" } ?? "\n" }
                return key
            },
            isForOthers: { rules.isForOthers($0) },
            collect: { [collect] response in try await collect(response, rules.maximumBytes) }
        )
    }
}
