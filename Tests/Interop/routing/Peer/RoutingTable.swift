// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import ServiceMesh

/// A table with the stack that an adapter would put on it, and a network in memory below.
struct RoutingTable: AskedTable {
    private let mesh: Mesh
    private let stack: OutboundStack<ScriptedNetwork>
    private let ledgers: CaseLedgers

    init(_ table: ConfiguredTable, topology: Topology) {
        let ledgers = CaseLedgers()
        mesh = table.mesh
        stack = OutboundStack(
            mesh: mesh,
            leaf: ScriptedNetwork(topology: topology, clock: mesh.clock, ledgers: ledgers)
        )
        self.ledgers = ledgers
    }

    func outcomes(of asked: [RoutingCase]) async throws -> [Outcome] {
        var outcomes: [Outcome] = []
        for each in asked { outcomes.append(await outcome(of: each)) }
        // Copies outlive the requests that they are copies of.
        try await mesh.clock.sleep(until: mesh.clock.now.advanced(by: .milliseconds(500)))
        return outcomes
    }

    private func outcome(of asked: RoutingCase) async -> Outcome {
        let ledger = ledgers[String(asked.number)]
        var context = mesh.makeContext()
        context.observation = ledger
        for (namespace, values) in asked.metadata { context.noteMetadata(values, of: namespace) }
        do {
            return try await stack.withResponse(to: asked.request, context: &context) { response in
                Outcome(number: asked.number, status: response.statusCode, fields: response.fields, ledger: ledger)
            }
        } catch {
            return Outcome(of: error, to: asked, ledger)
        }
    }
}
