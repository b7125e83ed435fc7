// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// The client's side of the aggregated discovery service, state of the world, without I/O.
///
/// It follows references from the listeners down (LDS → RDS → CDS → EDS), takes the good resources of a response and
/// refuses the bad ones by name, and publishes a configuration only when nothing in it refers to something that is still
/// on its way: a route never becomes visible before its clusters and endpoints. What was received outlives the stream.
struct ADSSessionStateMachine {
    /// A request to send.
    struct Request: Hashable, Sendable {
        var kind: ResourceKind
        var names: [String]
        var version: String
        var nonce: String
        /// Why the last response is refused; `nil` if it is taken, or if there was none.
        var refusal: String?
    }

    /// A response that was received.
    struct Response: Sendable {
        var kind: ResourceKind
        var version: String
        var nonce: String
        var resources: [PackedResource]
        /// Names of which the server says that they do not exist (`DiscoveryResponse.resource_errors`).
        var absent: [String] = []
    }

    /// What to do.
    struct Action: Hashable, Sendable {
        var requests: [Request] = []
        /// The configuration to put in force.
        var publication: MeshResources?
    }

    /// How long a name is waited for before it counts as missing: gRFC A57's does-not-exist timer.
    static let doesNotExistTimeout = Nanoseconds.seconds(15)

    /// References go from each kind to the next ones; a stream asks in this order.
    private static let order: [ResourceKind] = [.listener, .routeConfiguration, .cluster, .endpointAssignment]

    private let decoder: ResourceDecoder
    private(set) var subscriptions: [ResourceKind: ADSSubscription] = [:]
    private var published: MeshResources?
    private var isConnected = false

    /// Creates a machine.
    /// - Parameter inboundListeners: The names of the listeners that this process serves.
    init(inboundListeners: Set<String> = [], decoder: ResourceDecoder = ResourceDecoder()) {
        self.decoder = decoder
        for kind in Self.order { subscriptions[kind] = ADSSubscription() }
        subscriptions[.listener] = ADSSubscription(names: inboundListeners, isWildcard: true)
    }

    /// When `timePassed` has something to publish, if nothing happens before; `nil` for never.
    ///
    /// Waits begin as time goes by and all last equally long: a later event never brings it forward, unless it is `nil`.
    var nextDeadline: MeshInstant? {
        guard isConnected else { return nil }
        return subscriptions.values.compactMap { $0.firstDeadline(timeout: Self.doesNotExistTimeout) }.min()
    }

    /// A stream is open.
    mutating func connected(at now: MeshInstant) -> Action {
        isConnected = true
        for kind in Self.order { subscriptions[kind]?.connected(at: now) }
        return Action(requests: Self.order.compactMap { request($0) })
    }

    /// The stream has ended. Everything that was received stays.
    mutating func streamEnded() {
        isConnected = false
        for kind in Self.order { subscriptions[kind]?.streamEnded() }
    }

    /// A response has been received.
    mutating func responseReceived(_ response: Response, at now: MeshInstant) -> Action {
        var action = Action()
        // A kind that was never asked for is tolerated, and not answered: there is no subscription to confirm.
        guard var subscription = subscriptions[response.kind], subscription.isRequested else { return action }
        subscription.nonce = response.nonce
        let problems = take(response, into: &subscription, at: now)
        subscription.refusal = problems.isEmpty ? nil : problems.joined(separator: "; ")
        if problems.isEmpty { subscription.version = response.version }
        if problems.isEmpty || !subscription.cached.isEmpty { subscription.isKnown = true }
        subscriptions[response.kind] = subscription
        // The subscriptions that follow from the new resources, and the ACK with the names as they are then.
        let changed = response.kind == .endpointAssignment ? [] : followReferences(at: now)
        if let acknowledgement = request(response.kind) { action.requests.append(acknowledgement) }
        action.requests += changed.filter { $0 != response.kind }.compactMap { request($0) }
        action.publication = publish()
        return action
    }

    /// Time has passed.
    mutating func timePassed(at now: MeshInstant) -> Action {
        guard isConnected else { return Action() }
        for kind in Self.order { subscriptions[kind]?.timePassed(at: now, timeout: Self.doesNotExistTimeout) }
        // A cluster that is gone at last takes its endpoints along.
        let changed = followReferences(at: now)
        return Action(requests: changed.compactMap { request($0) }, publication: publish())
    }

    /// Takes what is good of a response (gRFC A46).
    /// - Returns: What is wrong with the rest.
    private func take(
        _ response: Response,
        into subscription: inout ADSSubscription,
        at now: MeshInstant
    ) -> [String] {
        var problems: [String] = []
        var seen: Set<String> = []
        for packed in response.resources {
            if let known = subscription.name(of: packed), seen.insert(known).inserted {
                // The same bytes mean the same resource; nothing needs to be decoded.
                subscription.confirm(known)
                continue
            }
            let outcome = decoder.decode(packed, as: response.kind)
            guard let name = outcome.name, !name.isEmpty else {
                problems.append("a resource without a name: \(Self.text(outcome))")
                continue
            }
            guard seen.insert(name).inserted else {
                problems.append("\(name): the response has this resource twice")
                continue
            }
            guard subscription.wants(name) else { continue }
            switch outcome.result {
            case .success(let decoded):
                subscription.accept(
                    name,
                    ADSSubscription.Cached(packed: packed, resource: decoded.resource, ignored: decoded.ignored)
                )
            case .failure:
                let text = Self.text(outcome)
                problems.append("\(name): \(text)")
                subscription.refuse(name, because: text)
            }
        }
        if response.kind.isFullState {
            let known = Set(subscription.cached.keys).union(subscription.refused.keys)
            for name in known.subtracting(seen) { subscription.leftOut(name, at: now) }
        }
        for name in response.absent where !seen.contains(name) { subscription.leftOut(name, at: now) }
        return problems
    }

    private static func text(_ outcome: ResourceDecoder.Outcome) -> String {
        guard case .failure(let error) = outcome.result else { return "its name is empty" }
        return error.problems.map(\.description).joined(separator: ", ")
    }

    /// Brings the subscriptions in line with what the resources refer to.
    /// - Returns: The kinds whose names changed.
    private mutating func followReferences(at now: MeshInstant) -> [ResourceKind] {
        var changed: [ResourceKind] = []
        // Each kind's names follow from the resources of the kinds before it: one that is let go lets go of others.
        for kind in Self.order.dropFirst() {
            let view = ReceivedResources(subscriptions)
            let names =
                switch kind {
                case .listener: Set<String>()
                case .routeConfiguration: view.routeNames
                case .cluster: view.clusterNames
                case .endpointAssignment: view.endpointNames
                }
            if subscriptions[kind]?.subscribe(to: names, at: now) == true { changed.append(kind) }
        }
        return changed
    }

    /// The request for a kind as it stands; `nil` if there is nothing to ask and nothing to answer.
    private mutating func request(_ kind: ResourceKind) -> Request? {
        guard isConnected, var subscription = subscriptions[kind] else { return nil }
        guard subscription.isRequested || subscription.isWildcard || !subscription.names.isEmpty else { return nil }
        subscription.isRequested = true
        subscriptions[kind] = subscription
        return Request(
            kind: kind,
            names: subscription.requestNames,
            version: subscription.version,
            nonce: subscription.nonce,
            refusal: subscription.refusal
        )
    }

    /// The configuration to put in force, if it is complete and differs from the one in force.
    private mutating func publish() -> MeshResources? {
        // A first answer of which nothing is good says nothing.
        guard subscriptions[.listener]?.isKnown == true else { return nil }
        guard subscriptions.values.allSatisfy(\.isSettled), !isInboundRefused else { return nil }
        let resources = ReceivedResources(subscriptions).configuration
        guard resources != published else { return nil }
        published = resources
        return resources
    }

    /// Whether a listener that this process serves, or its routes, came and cannot be used.
    ///
    /// Without it the configuration would admit everybody whom it is there to refuse.
    private var isInboundRefused: Bool {
        guard let listeners = subscriptions[.listener], let routes = subscriptions[.routeConfiguration] else {
            return false
        }
        return listeners.names.contains { name in
            guard case .listener(let listener)? = listeners.cached[name]?.resource else {
                return listeners.isUnusable(name)
            }
            guard let configuration = listener.routeConfigurationName else { return false }
            return routes.isUnusable(configuration)
        }
    }
}
