// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

@testable import MeshXDS

extension ServedOffer {
    /// An offer of what stands on the wire.
    init(
        version: String,
        packed: [ResourceKind: [String: PackedResource]],
        isWarming: Bool = false,
        assignments: [String: String] = [:]
    ) {
        let tables = packed.mapValues { resources in
            EncodedTable(
                Dictionary(
                    uniqueKeysWithValues: resources.map { ($0.key, EncodedResource(name: $0.key, packed: $0.value)) }
                )
            )
        }
        self.init(version: version, tables: tables, assignments: assignments, isWarming: isWarming)
    }

    /// An offer of texts.
    init(
        _ version: String,
        _ texts: [ResourceKind: [String: String]],
        warming: Bool = false,
        assignments: [String: String] = [:]
    ) {
        let packed = texts.mapValues { $0.mapValues { PackedResource(typeURL: "t", bytes: Array($0.utf8)) } }
        self.init(version: version, packed: packed, isWarming: warming, assignments: assignments)
    }
}

extension EncodedResource {
    /// The text that it was made of.
    var text: String { String(decoding: message.bytes, as: UTF8.self) }
}

/// A client of the server's machine that says what a test tells it to.
struct ScriptedClient {
    typealias Machine = ADSServerStreamStateMachine

    var machine: Machine
    var now = MeshInstant(nanoseconds: 1_000_000_000)
    private var names: [ResourceKind: Set<String>] = [:]

    init(_ form: Machine.Form = .stateOfTheWorld, _ offer: ServedOffer? = nil) {
        machine = Machine(form: form)
        if let offer { _ = machine.offered(offer, at: now) }
    }

    /// Asks for names by state of the world, in answer to a response if there is one.
    @discardableResult
    mutating func ask(
        _ kind: ResourceKind,
        _ names: Set<String> = [],
        version: String = "",
        answering nonce: String = "",
        refusal: String? = nil
    ) -> Machine.Action {
        self.names[kind] = names
        let request = Machine.Request(kind: kind, names: names, version: version, nonce: nonce, refusal: refusal)
        return machine.requestReceived(request, at: now)
    }

    /// Asks incrementally.
    @discardableResult
    mutating func ask(
        _ kind: ResourceKind,
        adding: Set<String>,
        dropping: Set<String> = [],
        versions: [String: String] = [:],
        answering nonce: String = "",
        refusal: String? = nil
    ) -> Machine.Action {
        let request = Machine.IncrementalRequest(
            kind: kind,
            subscribed: adding,
            unsubscribed: dropping,
            versions: versions,
            nonce: nonce,
            refusal: refusal
        )
        return machine.requestReceived(request, at: now)
    }

    /// Takes or refuses a response, and goes on asking for the same.
    @discardableResult
    mutating func answer(_ response: Machine.Response, refusal: String? = nil) -> Machine.Action {
        switch machine.form {
        case .stateOfTheWorld:
            let version = refusal == nil ? response.version : ""
            let names = names[response.kind] ?? []
            return ask(response.kind, names, version: version, answering: response.nonce, refusal: refusal)
        case .incremental:
            return ask(response.kind, adding: [], answering: response.nonce, refusal: refusal)
        }
    }

    /// Takes responses and all that they lead to.
    /// - Returns: All responses, in order, also those that were handed in.
    @discardableResult
    mutating func settle(_ responses: [Machine.Response]) -> [Machine.Response] {
        var all: [Machine.Response] = []
        var open = responses
        while !open.isEmpty {
            let next = open.removeFirst()
            all.append(next)
            open += answer(next).responses
        }
        return all
    }

    /// Asks for kinds, everything of those that are whole, and takes what it gets.
    @discardableResult
    mutating func open(_ kinds: [ResourceKind: Set<String>]) -> [Machine.Response] {
        ResourceKind.allCases.flatMap { kind -> [Machine.Response] in
            guard let names = kinds[kind] else { return [] }
            let responses =
                switch machine.form {
                case .stateOfTheWorld: ask(kind, names).responses
                case .incremental: ask(kind, adding: names).responses
                }
            return settle(responses)
        }
    }

    /// There is something else to serve.
    mutating func offer(_ offer: ServedOffer) -> [Machine.Response] {
        machine.offered(offer, at: now)
    }
}

extension [ADSServerStreamStateMachine.Response] {
    /// What they say, one line each: the kind, the resources, and what is gone or missing.
    var lines: [String] { map(\.line) }
}

extension ADSServerStreamStateMachine.Response {
    /// What it says, in one line.
    var line: String {
        let short =
            switch kind {
            case .cluster: "CDS"
            case .endpointAssignment: "EDS"
            case .listener: "LDS"
            case .routeConfiguration: "RDS"
            case .secret: "SDS"
            case .runtimeLayer: "RTDS"
            }
        return ([short] + resources.map(\.text) + removed.map { "-\($0)" } + missing.map { "?\($0)" })
            .joined(separator: " ")
    }
}
