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
    private var offer: ServedOffer?
    private var lastVersion = 0
    private var stream: ADSServer.StreamID?
    private var toServer: [StateOfTheWorldStream.Request] = []
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
        client.streamEnded(stream, to: 0, at: now)
        server = ADSServerStreamStateMachine()
        server.reportsMissing = reportsMissing
        toServer = []
        toClient = []
        if let offer { toClient += server.offered(offer, at: now) }
        stream = client.streamOpened(to: 0, at: now)
    }

    /// The server has something else to serve.
    mutating func push(_ packed: [ResourceKind: [String: PackedResource]]) {
        lastVersion += 1
        let offer = ServedOffer(version: "\(lastVersion)", packed: packed)
        self.offer = offer
        toClient += server.offered(offer, at: now)
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

    /// The client's requests get onto the wire.
    /// - Returns: Whether there were any.
    @discardableResult
    mutating func flush() -> Bool {
        guard let stream else { return false }
        let requests = client.nextRequests(on: stream, at: now).compactMap {
            if case .stateOfTheWorld(let request) = $0 { request } else { nil }
        }
        toServer += requests
        return !requests.isEmpty
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
            ),
            at: now
        )
        if let verdict = action.verdict { verdicts.append(verdict) }
        toClient += action.responses
        return true
    }

    /// The next response arrives.
    /// - Returns: Whether there was one.
    @discardableResult
    mutating func deliverResponse() -> Bool {
        guard !toClient.isEmpty else { return false }
        let response = toClient.removeFirst()
        responseCount += 1
        guard let stream else { return true }
        let action = client.responseReceived(
            ADSResponse(
                kind: response.kind,
                version: response.version,
                nonce: response.nonce,
                resources: response.resources.map {
                    .init(version: response.version, packed: PackedResource($0.message))
                },
                failures: response.missing.map { .init(name: $0, code: ADSResponse.notFound, message: "") }
            ),
            on: stream,
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
        if let publication = action.publication { published = publication }
    }
}
