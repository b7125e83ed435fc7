// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

@testable import MeshXDS

/// A machine with a server at hand that answers what it is told to.
struct ScriptedSession {
    var machine: ADSSessionStateMachine
    var now = MeshInstant(nanoseconds: 1_000_000_000)
    private var lastNonce = 0

    init(inbound: Set<String> = []) {
        machine = ADSSessionStateMachine(inboundListeners: inbound)
    }

    mutating func respond(
        _ kind: ResourceKind,
        _ packed: [PackedResource],
        version: String = "1",
        absent: [String] = []
    ) -> ADSSessionStateMachine.Action {
        lastNonce += 1
        return machine.responseReceived(
            .init(kind: kind, version: version, nonce: "n\(lastNonce)", resources: packed, absent: absent),
            at: now
        )
    }

    mutating func respond(
        _ kind: ResourceKind,
        _ resources: MeshResources,
        version: String = "1"
    ) -> ADSSessionStateMachine.Action {
        respond(kind, Fixtures.packed(resources, kind).sorted { $0.key < $1.key }.map(\.value), version: version)
    }

    /// Answers every kind from one configuration, in the order in which the references are followed.
    mutating func serve(_ resources: MeshResources, version: String = "1") -> MeshResources? {
        var publication: MeshResources?
        for kind in [ResourceKind.listener, .routeConfiguration, .cluster, .endpointAssignment] {
            publication = respond(kind, resources, version: version).publication ?? publication
        }
        return publication
    }

    mutating func advance(_ seconds: UInt64) -> ADSSessionStateMachine.Action {
        now = now.advanced(by: .seconds(seconds))
        return machine.timePassed(at: now)
    }

    /// A session whose stream is open.
    static func connected(inbound: Set<String> = []) -> ScriptedSession {
        var session = ScriptedSession(inbound: inbound)
        _ = session.machine.connected(at: session.now)
        return session
    }
}
