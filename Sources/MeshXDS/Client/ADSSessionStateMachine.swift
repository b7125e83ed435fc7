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
    }

    /// What to do.
    struct Action: Hashable, Sendable {
        var requests: [Request] = []
        /// The configuration to put in force.
        var publication: MeshResources?
    }

    /// How long a name is waited for before it counts as missing: gRFC A57's does-not-exist timer.
    static let doesNotExistTimeout = Nanoseconds.seconds(15)

    private let decoder: ResourceDecoder
    private(set) var subscriptions: [ResourceKind: ADSSubscription] = [:]
    private var published: MeshResources?
    private var isConnected = false

    /// Creates a machine.
    /// - Parameter inboundListeners: The names of the listeners that this process serves.
    init(inboundListeners: Set<String> = [], decoder: ResourceDecoder = ResourceDecoder()) {
        self.decoder = decoder
        for kind in ResourceKind.allCases { subscriptions[kind] = ADSSubscription() }
        subscriptions[.listener]?.isWildcard = true
        subscriptions[.listener]?.names = inboundListeners
    }

    /// A stream is open.
    mutating func connected(at now: MeshInstant) -> Action {
        isConnected = true
        var action = Action()
        for kind in [ResourceKind.listener, .routeConfiguration, .cluster, .endpointAssignment] {
            guard var subscription = subscriptions[kind] else { continue }
            subscription.nonce = ""
            subscription.isRequested = false
            for name in subscription.names where subscription.cached[name] == nil {
                subscription.waitingSince[name] = now
            }
            subscriptions[kind] = subscription
            if let request = request(kind) { action.requests.append(request) }
        }
        return action
    }

    /// The stream has ended. Everything that was received stays.
    mutating func streamEnded() {
        isConnected = false
        for kind in ResourceKind.allCases { subscriptions[kind]?.waitingSince = [:] }
    }

    /// A response has been received.
    mutating func responseReceived(_ response: Response, at now: MeshInstant) -> Action {
        var action = Action()
        guard var subscription = subscriptions[response.kind], subscription.isRequested else { return action }
        subscription.nonce = response.nonce
        let problems = take(response, into: &subscription)
        if problems.isEmpty { subscription.version = response.version }
        subscriptions[response.kind] = subscription
        // The subscriptions that follow from the new resources, and the ACK with the names as they are then.
        let changed = followReferences(at: now)
        if var acknowledgement = request(response.kind) {
            if !problems.isEmpty { acknowledgement.refusal = problems.joined(separator: "; ") }
            action.requests.append(acknowledgement)
        }
        action.requests += changed.filter { $0 != response.kind }.compactMap { request($0) }
        action.publication = publish()
        return action
    }

    /// Time has passed.
    mutating func timePassed(at now: MeshInstant) -> Action {
        guard isConnected else { return Action() }
        for kind in ResourceKind.allCases {
            guard var subscription = subscriptions[kind] else { continue }
            for (name, since) in subscription.waitingSince where now.elapsed(since: since) >= Self.doesNotExistTimeout {
                subscription.waitingSince[name] = nil
                if subscription.cached[name] == nil { subscription.missing.insert(name) }
            }
            subscriptions[kind] = subscription
        }
        return Action(publication: publish())
    }

    /// Takes what is good of a response.
    /// - Returns: What is wrong with the rest.
    private func take(_ response: Response, into subscription: inout ADSSubscription) -> [String] {
        var problems: [String] = []
        var seen: Set<String> = []
        for packed in response.resources {
            if let known = subscription.cached.first(where: { $0.value.packed == packed }),
                seen.insert(known.key).inserted
            {
                // The same bytes mean the same resource; nothing needs to be decoded.
                subscription.refused[known.key] = nil
                continue
            }
            let outcome = decoder.decode(packed, as: response.kind)
            let name = outcome.name ?? ""
            guard seen.insert(name).inserted else {
                problems.append("\(name): the response has this resource twice")
                continue
            }
            switch outcome.result {
            case .success(let decoded):
                guard subscription.isWildcard || subscription.names.contains(name) else { continue }
                subscription.cached[name] = ADSSubscription.Cached(
                    packed: packed,
                    resource: decoded.resource,
                    ignored: decoded.ignored
                )
                subscription.refused[name] = nil
            case .failure(let error):
                let text = error.problems.map(\.description).joined(separator: ", ")
                problems.append("\(name.isEmpty ? "a resource without a name" : name): \(text)")
                if !name.isEmpty { subscription.refused[name] = text }
            }
            subscription.missing.remove(name)
            subscription.waitingSince[name] = nil
        }
        if response.kind.isFullState {
            // What a full response leaves out is deleted; what was never received may be on its way still.
            for name in subscription.cached.keys where !seen.contains(name) {
                subscription.cached[name] = nil
                if subscription.names.contains(name) { subscription.missing.insert(name) }
            }
            for name in subscription.refused.keys where !seen.contains(name) { subscription.refused[name] = nil }
        }
        return problems
    }

    /// Brings the subscriptions in line with what the resources refer to.
    /// - Returns: The kinds whose names changed.
    private mutating func followReferences(at now: MeshInstant) -> [ResourceKind] {
        var changed: [ResourceKind] = []
        let view = ReceivedResources(subscriptions)
        for (kind, names) in [
            (ResourceKind.routeConfiguration, view.routeNames),
            (.cluster, view.clusterNames),
            (.endpointAssignment, view.endpointNames),
        ] where subscriptions[kind]?.subscribe(to: names, at: now) == true {
            changed.append(kind)
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
            refusal: nil
        )
    }

    /// The configuration to put in force, if it is complete and differs from the one in force.
    private mutating func publish() -> MeshResources? {
        guard subscriptions[.listener]?.nonce.isEmpty == false || published != nil else { return nil }
        guard subscriptions.values.allSatisfy(\.isSettled) else { return nil }
        let resources = ReceivedResources(subscriptions).configuration
        guard resources != published else { return nil }
        published = resources
        return resources
    }
}
