// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("A client's secrets")
struct SecretSubscriptionTests {
    private static func connected(_ variant: XDSVariant) -> ScriptedSession {
        ScriptedSession.connected(servers: [ADSServer.Traits(variant: variant)])
    }

    /// Answers a kind in the form of the stream.
    private static func send(
        _ kind: ResourceKind,
        _ resources: MeshResources,
        to session: inout ScriptedSession,
        _ variant: XDSVariant,
        version: String = "1"
    ) -> ScriptedSession.Reply {
        switch variant {
        case .stateOfTheWorld: session.respond(kind, resources, version: version)
        case .delta: session.change(kind, resources, version: version)
        }
    }

    @Test("are asked for by the names that its clusters have, and the configuration waits for them")
    func subscription() {
        let resources = Fixtures.secured()
        var session = Self.connected(.stateOfTheWorld)
        for kind in [ResourceKind.listener, .routeConfiguration] { _ = session.respond(kind, resources) }
        let requests = session.respond(.cluster, resources).requests
        #expect(
            requests.contains(
                .init(kind: .secret, names: ["mine", "roots"], version: "", nonce: "", refusal: nil)
            )
        )
        #expect(session.respond(.endpointAssignment, resources).publication == nil)
        let last = session.respond(.secret, resources)
        #expect(last.publication == resources)
        #expect(last.requests.map(\.kind) == [.secret])
    }

    @Test("are subscribed to incrementally, and let go of with their cluster")
    func incrementally() {
        let resources = Fixtures.secured()
        var session = Self.connected(.delta)
        for kind in [ResourceKind.listener, .routeConfiguration] { _ = session.change(kind, resources) }
        let deltas = session.change(.cluster, resources).deltas
        #expect(deltas.contains(.init(kind: .secret, subscribe: ["mine", "roots"])))
        _ = session.change(.endpointAssignment, resources)
        #expect(session.change(.secret, resources).publication == resources)
        var other = resources
        other.clusters["c"]?.secrets = SecretReference(validation: "roots")
        other.secrets["mine"] = nil
        let change = session.change(.cluster, other, version: "2")
        #expect(change.deltas.contains(.init(kind: .secret, unsubscribe: ["mine"])))
        #expect(change.publication == other)
    }

    @Test("that are replaced change nothing else", arguments: XDSVariant.allCases)
    func rotation(variant: XDSVariant) {
        let resources = Fixtures.secured()
        var session = Self.connected(variant)
        for kind in ADSSessionStateMachine.order { _ = Self.send(kind, resources, to: &session, variant) }
        #expect(session.machine.published == resources)
        let next = Fixtures.secured(by: TestCertificates.second)
        let reply = Self.send(.secret, next, to: &session, variant, version: "2")
        #expect(reply.publication == next)
        #expect(reply.refusal == nil)
        #expect(reply.requests.map(\.kind) + reply.deltas.map(\.kind) == [.secret])
    }

    @Test("that cannot be used are refused by name, and the last good one stays", arguments: XDSVariant.allCases)
    func refusal(variant: XDSVariant) throws {
        let resources = Fixtures.secured()
        var session = Self.connected(variant)
        for kind in ADSSessionStateMachine.order { _ = Self.send(kind, resources, to: &session, variant) }
        let bad = try Fixtures.badSecret("mine")
        let reply =
            switch variant {
            case .stateOfTheWorld: session.respond(.secret, [bad], version: "2")
            case .delta: session.change(.secret, [.init(name: "mine", version: "2", packed: bad)])
            }
        let refusal = try #require(reply.refusal)
        #expect(refusal == "mine: tls_certificate.private_key: is not that of the first certificate")
        #expect(session.machine.published == resources)
        #expect(reply.publication == nil)
    }

    @Test("that do not come are waited for no longer than anything else, and are missing then")
    func missing() {
        let resources = Fixtures.secured()
        var session = Self.connected(.stateOfTheWorld)
        for kind in ADSSessionStateMachine.order where kind != .secret { _ = session.respond(kind, resources) }
        #expect(session.advance(14).publication == nil)
        var without = resources
        without.secrets = [:]
        #expect(session.advance(1).publication == without)
        #expect(session.respond(.secret, resources, version: "2").publication == resources)
    }

    @Test("of others are tolerated, and none are asked for where no cluster names one")
    func unasked() {
        var session = Self.connected(.stateOfTheWorld)
        #expect(session.serve(Fixtures.mesh) == Fixtures.mesh)
        #expect(session.respond(.secret, Fixtures.secured()) == .init())
        #expect(session.machine.subscriptions[.secret]?.isWanted == false)
    }
}
