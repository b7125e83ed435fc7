// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

/// Our client's machine and our server's machine on one stream, with what is on its way between them.
///
/// Messages of one direction arrive in order; the test says when.
struct ADSConversation {
    /// Something to serve, as the client should end up with it and as it stands on the wire.
    struct World {
        /// What the listeners reach.
        let reachable: MeshResources
        let packed: [ResourceKind: [String: PackedResource]]

        init(_ resources: MeshResources) {
            let listeners = resources.listeners.values.filter { resources.routes(of: $0) != nil }
            let routes = listeners.compactMap { resources.routes(of: $0) }
            let clusters = routes.flatMap(\.clusterNames).compactMap { resources.clusters[$0] }
            reachable = MeshResources(
                listeners: Array(listeners),
                routeConfigurations: routes,
                clusters: clusters,
                endpointAssignments: clusters.compactMap { resources.endpoints(of: $0) }
            )
            packed = ResourceEncoder(dialect: .own).encode(resources).resources
        }
    }

    private(set) var client: ADSSessionStateMachine
    /// The configuration in force.
    private(set) var published: MeshResources?
    /// What the server was told of its responses.
    private(set) var verdicts: [ADSServerStreamStateMachine.Verdict] = []
    /// How many responses the client has received.
    private(set) var responseCount = 0

    private var server: ADSServerStreamStateMachine
    private let reportsMissing: Bool
    private var now = MeshInstant(nanoseconds: 1_000_000_000)
    private var offer: ADSServerStreamStateMachine.Offer?
    private var lastVersion = 0
    /// As in `ADSOutbox`: a request takes the place of one of its kind that still waits.
    private var outbox: [ADSSessionStateMachine.Request] = []
    private var toServer: [ADSSessionStateMachine.Request] = []
    private var toClient: [ADSServerStreamStateMachine.Response] = []

    /// Opens a stream to a server that knows nothing yet.
    init(inbound: Set<String> = [], reportsMissing: Bool = true) {
        client = ADSSessionStateMachine(inboundListeners: inbound)
        server = ADSServerStreamStateMachine()
        self.reportsMissing = reportsMissing
        reconnect()
    }

    /// Opens another stream; what was on its way is lost.
    mutating func reconnect() {
        client.streamEnded()
        server = ADSServerStreamStateMachine()
        server.reportsMissing = reportsMissing
        outbox = []
        toServer = []
        toClient = []
        if let offer { toClient += server.resourcesChanged(offer) }
        perform(client.connected(at: now))
    }

    /// The server has something else to serve.
    mutating func push(_ packed: [ResourceKind: [String: PackedResource]]) {
        lastVersion += 1
        let offer = ADSServerStreamStateMachine.Offer(version: "\(lastVersion)", resources: packed, isWarming: false)
        self.offer = offer
        toClient += server.resourcesChanged(offer)
    }

    /// Serves a world, and waits until nobody has anything more to say.
    mutating func serve(_ resources: MeshResources) {
        push(World(resources).packed)
        exchange()
    }

    /// Time passes.
    mutating func advance(_ seconds: UInt64) {
        now = now.advanced(by: .seconds(seconds))
        perform(client.timePassed(at: now))
    }

    /// The client's requests get from its outbox onto the wire.
    /// - Returns: Whether there were any.
    @discardableResult
    mutating func flush() -> Bool {
        guard !outbox.isEmpty else { return false }
        toServer += outbox
        outbox = []
        return true
    }

    /// The next request arrives.
    /// - Returns: Whether there was one.
    @discardableResult
    mutating func deliverRequest() -> Bool {
        guard !toServer.isEmpty else { return false }
        let request = toServer.removeFirst()
        let action = server.requestReceived(
            ADSServerStreamStateMachine.Request(
                kind: request.kind,
                names: Set(request.names),
                version: request.version,
                nonce: request.nonce,
                refusal: request.refusal
            )
        )
        if let verdict = action.verdict { verdicts.append(verdict) }
        if let response = action.response { toClient.append(response) }
        return true
    }

    /// The next response arrives.
    /// - Returns: Whether there was one.
    @discardableResult
    mutating func deliverResponse() -> Bool {
        guard !toClient.isEmpty else { return false }
        let response = toClient.removeFirst()
        responseCount += 1
        let action = client.responseReceived(
            ADSSessionStateMachine.Response(
                kind: response.kind,
                version: response.version,
                nonce: response.nonce,
                resources: response.resources,
                absent: response.missing
            ),
            at: now
        )
        perform(action)
        return true
    }

    /// Delivers everything, and what is said to that, until there is silence.
    mutating func exchange() {
        for _ in 0..<10_000 {
            let wasFlushed = flush()
            let wasRequested = deliverRequest()
            let wasAnswered = deliverResponse()
            guard wasFlushed || wasRequested || wasAnswered else { return }
        }
        Issue.record("the conversation does not end")
    }

    private mutating func perform(_ action: ADSSessionStateMachine.Action) {
        for request in action.requests {
            if let position = outbox.firstIndex(where: { $0.kind == request.kind }) {
                outbox[position] = request
            } else {
                outbox.append(request)
            }
        }
        if let publication = action.publication { published = publication }
    }
}
