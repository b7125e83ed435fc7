// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore

/// One stream's part in a conversation: it asks the provider and drives the machine.
struct DiscoveryStream {
    typealias Machine = ADSServerStreamStateMachine

    /// What was offered to the client last.
    private struct Served {
        var group: EncodedGroup
        var groupName: String?
        var snapshot: EncodedSnapshot
        var isWarming: Bool
        var aliases: Set<String>

        func isSame(_ provided: ProvidedResources) -> Bool {
            snapshot.version == provided.version && groupName == provided.group && isWarming == provided.isWarming
        }
    }

    /// The most bytes that a client may describe itself with: it is kept as long as the stream is. Envoys with all
    /// their extensions need some 40 KiB.
    private static let maximumNodeSize = 256 << 10

    private let number: UInt64
    private let provider: any XDSResourceProvider
    private let groups: EncodedGroups
    private var machine: Machine
    private var node: XDSNode?
    private var dialect = Dialect.own
    private var served: Served?
    /// What the dialect could not say the last time.
    private var reports: [FieldReport] = []
    /// The names of listeners that the provider was last asked with; `nil` before it was asked.
    private var askedListeners: Set<String>?
    /// The versions that the client was last known to have taken all of, and to refuse some of.
    private var applied: String?
    private var refused: String?
    /// The version that the client was last said to be served.
    private var offered: String?

    init(number: UInt64, form: Machine.Form, provider: any XDSResourceProvider, groups: EncodedGroups) {
        self.number = number
        self.provider = provider
        self.groups = groups
        self.machine = Machine(form: form)
    }

    /// When `timePassed` is to be called.
    var deadline: MeshInstant? { machine.deadline }

    /// The client has sent a request by state of the world.
    /// - Throws: `RPCError` if the stream cannot go on.
    mutating func requestReceived(
        _ message: Envoy_Service_Discovery_V3_DiscoveryRequest,
        at now: MeshInstant
    ) async throws -> [Machine.Response] {
        try introduce(message.hasNode ? message.node : nil)
        // Kinds that are not served are not answered; a client's own timer tells it that there is nothing.
        guard let kind = ResourceKind(typeURL: message.typeURL) else { return [] }
        let request = Machine.Request(
            kind: kind,
            names: Set(message.resourceNames.lazy.map(\.canonicalResourceName)),
            version: message.versionInfo,
            nonce: message.responseNonce,
            refusal: message.hasErrorDetail ? message.errorDetail.message : nil
        )
        let listeners = kind == .listener ? request.names.subtracting(["*"]) : machine.listenerNames
        let responses = try await prepare(listeners, at: now)
        return try responses + perform(machine.requestReceived(request, at: now))
    }

    /// The client has sent an incremental request.
    /// - Throws: `RPCError` if the stream cannot go on.
    mutating func requestReceived(
        _ message: Envoy_Service_Discovery_V3_DeltaDiscoveryRequest,
        at now: MeshInstant
    ) async throws -> [Machine.Response] {
        try introduce(message.hasNode ? message.node : nil)
        guard let kind = ResourceKind(typeURL: message.typeURL) else { return [] }
        let request = Machine.IncrementalRequest(
            kind: kind,
            subscribed: Set(message.resourceNamesSubscribe.lazy.map(\.canonicalResourceName)),
            unsubscribed: Set(message.resourceNamesUnsubscribe.lazy.map(\.canonicalResourceName)),
            versions: Dictionary(
                message.initialResourceVersions.lazy.map { ($0.key.canonicalResourceName, $0.value) },
                uniquingKeysWith: { $1 }
            ),
            nonce: message.responseNonce,
            refusal: message.hasErrorDetail ? message.errorDetail.message : nil
        )
        var listeners = machine.listenerNames
        if kind == .listener {
            listeners = listeners.subtracting(request.unsubscribed).union(request.subscribed).subtracting(["*"])
        }
        let responses = try await prepare(listeners, at: now)
        return try responses + perform(machine.requestReceived(request, at: now))
    }

    /// There may be something else to serve.
    mutating func resourcesChanged(at now: MeshInstant) async -> [Machine.Response] {
        guard node != nil else { return [] }
        return finished(await offer(to: machine.listenerNames, at: now))
    }

    /// Time has passed.
    mutating func timePassed(at now: MeshInstant) -> [Machine.Response] {
        finished(machine.timePassed(at: now))
    }

    /// Which listeners a client asks for says where it serves, and so what it gets: that has to be known before the
    /// request is answered, or the answer would say that the listeners do not exist.
    private mutating func prepare(_ listeners: Set<String>, at now: MeshInstant) async throws -> [Machine.Response] {
        guard listeners.count <= Machine.maximumNames else {
            throw RPCError(code: .resourceExhausted, message: "a client may not ask for so many listeners")
        }
        return askedListeners == listeners ? [] : await offer(to: listeners, at: now)
    }

    private mutating func introduce(_ message: Envoy_Config_Core_V3_Node?) throws {
        // Also of one that only says anew which fields have no effect: that is kept, too.
        if let message, message.byteCount > Self.maximumNodeSize {
            throw RPCError(code: .invalidArgument, message: "a node has at most \(Self.maximumNodeSize) bytes")
        }
        defer {
            if let fields = message?.ignoredFields { provider.noticed(.ignores(stream: number, fields)) }
        }
        guard self.node == nil else { return }
        guard let message, !message.id.isEmpty else {
            throw RPCError(code: .invalidArgument, message: "the first request of a stream carries a node with an id")
        }
        let node = XDSNode(message)
        self.node = node
        dialect = Dialect(userAgentName: node.userAgentName)
        machine.reportsMissing = dialect == .own
        machine.warmsClusters = dialect == .envoy
        provider.noticed(.connected(stream: number, node))
        let connection = XDSConnection(isIncremental: machine.form == .incremental, dialect: dialect)
        provider.noticed(.speaks(stream: number, connection))
    }

    private mutating func offer(to listeners: Set<String>, at now: MeshInstant) async -> [Machine.Response] {
        guard var node else { return [] }
        node.inboundAddresses = XDSNode.inboundAddresses(in: listeners)
        self.node = node
        let provided = await provider.resources(for: node)
        // A tick may be for others.
        if let served, askedListeners == listeners, served.isSame(provided) { return [] }
        askedListeners = listeners
        let group: EncodedGroup
        if let served, served.groupName == provided.group {
            group = served.group
        } else {
            group = groups.group(
                named: provided.group,
                dialect: dialect,
                takesAPIListeners: node.takesAPIListeners
            )
        }
        let snapshot = await group.snapshot(of: provided)
        if offered != provided.version || served?.groupName != provided.group {
            offered = provided.version
            (applied, refused) = (nil, nil)
            provider.noticed(
                .offered(stream: number, version: provided.version, order: provided.order, group: provided.group)
            )
        }
        if snapshot.reports != reports {
            reports = snapshot.reports
            provider.noticed(.translated(stream: number, reports))
        }
        let aliases = snapshot.aliases.listeners(named: listeners)
        var offer = ServedOffer(
            version: provided.version,
            tables: snapshot.tables,
            aliases: aliases,
            assignments: snapshot.assignments,
            isWarming: provided.isWarming
        )
        if let served, served.group === group, served.isWarming == provided.isWarming {
            offer.changes = snapshot.changes(since: served.snapshot.generation)
            offer.changes?[.listener, default: []].formUnion(served.aliases.union(aliases.keys))
        }
        served = Served(
            group: group,
            groupName: provided.group,
            snapshot: snapshot,
            isWarming: provided.isWarming,
            aliases: Set(aliases.keys)
        )
        return machine.offered(offer, at: now)
    }

    private mutating func perform(_ action: Machine.Action) throws -> [Machine.Response] {
        if let failure = action.failure { throw RPCError(code: .resourceExhausted, message: failure) }
        switch action.verdict {
        case .acknowledged(let kind, let version):
            provider.noticed(.acknowledged(stream: number, kind, version: version))
            noticeServed(kind)
        case .rejected(let kind, let version, let message):
            provider.noticed(.rejected(stream: number, kind, version: version, message: message))
            noticeServed(kind)
        case nil: break
        }
        return finished(action.responses)
    }

    /// Tells what the client was sent, and when it has come to have everything.
    private mutating func finished(_ responses: [Machine.Response]) -> [Machine.Response] {
        for response in responses { noticeServed(response.kind) }
        if let version = machine.appliedVersion, version != applied {
            applied = version
            provider.noticed(.applied(stream: number, version: version))
        } else if machine.appliedVersion == nil, applied != nil {
            applied = nil
            provider.noticed(.behind(stream: number))
        }
        if let version = machine.refusedVersion, version != refused {
            refused = version
            provider.noticed(.refuses(stream: number, version: version))
        }
        return responses
    }

    private func noticeServed(_ kind: ResourceKind) {
        guard let subscription = machine.subscriptions[kind] else { return }
        provider.noticed(.serves(stream: number, XDSServedKind(subscription)))
    }
}
