// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

@testable import MeshXDS

/// A machine with a server at hand that answers what it is told to.
struct ScriptedSession {
    /// What a machine does, and says to the server.
    struct Reply: Hashable {
        var requests: [StateOfTheWorldStream.Request] = []
        var deltas: [DeltaStream.Request] = []
        var publication: MeshResources?
        var refusal: String?
    }

    /// A server, by its list and its place there.
    private struct Place: Hashable {
        var list: Int
        var server: Int
    }

    var machine: ADSSessionStateMachine
    var now = MeshInstant(nanoseconds: 1_000_000_000)
    private var open: [Place: ADSServer.StreamID] = [:]
    private var lastNonce = 0

    init(
        servers: [ADSServer.Traits] = [ADSServer.Traits()],
        inbound: Set<String> = [],
        layers: [String] = [],
        rules: XDSRules = .envoy
    ) {
        machine = ADSSessionStateMachine(
            servers: servers,
            inboundListeners: inbound,
            runtimeLayers: layers,
            decoder: ResourceDecoder(rules: rules)
        )
    }

    /// The open streams to the servers at the top of the bootstrap.
    var streams: [Int: ADSServer.StreamID] {
        Dictionary(uniqueKeysWithValues: open.filter { $0.key.list == 0 }.map { ($0.key.server, $0.value) })
    }

    init(_ machine: ADSSessionStateMachine) {
        self.machine = machine
    }

    /// Opens a stream, if the machine still wants it.
    @discardableResult
    mutating func connect(to server: Int = 0, of list: Int = 0) -> Reply {
        let place = Place(list: list, server: server)
        open[place] = machine.streamOpened(to: server, of: list, at: now)
        return reply(.init(), place)
    }

    /// Ends a stream, or fails to open one.
    /// - Returns: Whether it had a response.
    @discardableResult
    mutating func disconnect(from server: Int = 0, of list: Int = 0) -> Bool {
        let stream = open.removeValue(forKey: Place(list: list, server: server))
        return machine.streamEnded(stream, to: server, of: list, at: now)
    }

    /// What the machine says to a server now.
    mutating func requests(to server: Int = 0, of list: Int = 0) -> Reply {
        reply(.init(), Place(list: list, server: server))
    }

    mutating func respond(
        _ kind: ResourceKind,
        _ packed: [PackedResource],
        version: String = "1",
        absent: [String] = [],
        failures: [ADSResponse.Failure] = [],
        from server: Int = 0,
        of list: Int = 0
    ) -> Reply {
        receive(
            ADSResponse(
                kind: kind,
                version: version,
                nonce: nextNonce(),
                resources: packed.map { .init(version: version, packed: $0) },
                failures: absent.map { .init(name: $0, code: ADSResponse.notFound, message: "") } + failures
            ),
            from: server,
            of: list
        )
    }

    mutating func respond(
        _ kind: ResourceKind,
        _ resources: MeshResources,
        version: String = "1",
        from server: Int = 0,
        of list: Int = 0
    ) -> Reply {
        let packed = Fixtures.packed(resources, kind).sorted { $0.key < $1.key }.map(\.value)
        return respond(kind, packed, version: version, from: server, of: list)
    }

    /// Answers in the incremental form: the resources of one kind that are named, or all.
    mutating func change(
        _ kind: ResourceKind,
        _ resources: MeshResources,
        _ names: Set<String>? = nil,
        version: String = "1",
        removed: [String] = [],
        from server: Int = 0,
        of list: Int = 0
    ) -> Reply {
        let packed = Fixtures.packed(resources, kind).filter { names?.contains($0.key) ?? true }
        let items = packed.sorted { $0.key < $1.key }.map {
            ADSResponse.Item(name: $0.key, version: version, packed: $0.value)
        }
        return change(kind, items, removed: removed, from: server, of: list)
    }

    /// Answers in the incremental form.
    mutating func change(
        _ kind: ResourceKind,
        _ items: [ADSResponse.Item],
        removed: [String] = [],
        failures: [ADSResponse.Failure] = [],
        from server: Int = 0,
        of list: Int = 0
    ) -> Reply {
        receive(
            ADSResponse(
                kind: kind,
                version: "",
                nonce: nextNonce(),
                resources: items,
                removed: removed,
                failures: failures,
                isDelta: true
            ),
            from: server,
            of: list
        )
    }

    /// Answers every kind from one configuration, in the order in which the references are followed.
    mutating func serve(
        _ resources: MeshResources,
        version: String = "1",
        from server: Int = 0,
        of list: Int = 0
    ) -> MeshResources? {
        var publication: MeshResources?
        for kind in resources.servedKinds {
            let reply = respond(kind, resources, version: version, from: server, of: list)
            publication = reply.publication ?? publication
        }
        return publication
    }

    mutating func advance(_ seconds: UInt64) -> Reply {
        now = now.advanced(by: .seconds(seconds))
        return reply(machine.timePassed(at: now), Place(list: 0, server: 0))
    }

    /// A session whose stream is open.
    static func connected(
        servers: [ADSServer.Traits] = [ADSServer.Traits()],
        inbound: Set<String> = [],
        layers: [String] = [],
        rules: XDSRules = .envoy
    ) -> ScriptedSession {
        var session = ScriptedSession(servers: servers, inbound: inbound, layers: layers, rules: rules)
        session.connect()
        return session
    }

    private mutating func nextNonce() -> String {
        lastNonce += 1
        return "n\(lastNonce)"
    }

    private mutating func receive(_ response: ADSResponse, from server: Int, of list: Int) -> Reply {
        let place = Place(list: list, server: server)
        guard let stream = open[place] else { return Reply() }
        // What others told may have made for requests to this one, which have gone out by now.
        if list > 0 { _ = machine.nextRequests(on: stream, at: now) }
        return reply(machine.responseReceived(response, on: stream, at: now), place)
    }

    private mutating func reply(_ action: ADSSessionStateMachine.Action, _ place: Place) -> Reply {
        var reply = Reply(publication: action.publication, refusal: action.refusal)
        guard let stream = open[place] else { return reply }
        for request in machine.nextRequests(on: stream, at: now) {
            switch request {
            case .stateOfTheWorld(let request): reply.requests.append(request)
            case .delta(let request): reply.deltas.append(request)
            }
        }
        return reply
    }
}

extension MeshResources {
    /// The kinds that a control plane has something to say of, in the order of the references: secrets and layers of the
    /// runtime are told of by those that have any.
    var servedKinds: [ResourceKind] {
        ADSSessionStateMachine.order.filter { kind in
            switch kind {
            case .secret: !secrets.isEmpty
            case .runtimeLayer: !runtimeLayers.isEmpty
            case .listener, .routeConfiguration, .cluster, .endpointAssignment: true
            }
        }
    }
}
