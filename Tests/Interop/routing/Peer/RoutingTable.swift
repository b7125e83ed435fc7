// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshXDS
import ServiceMesh

/// A mesh that has one of the generator's tables, with the stack that an adapter would put on it.
struct RoutingTable: Sendable {
    let mesh: Mesh
    let stack: OutboundStack<ScriptedNetwork>
    let ledgers: CaseLedgers
    /// What the decoder left aside.
    let ignored: [String]

    /// - Parameter node: An element of the file's `tables`.
    init(_ node: DocumentNode, number: Int, topology: Topology, runtime: [String: RuntimeValue]) throws {
        let clock = SystemClock()
        let ledgers = CaseLedgers()
        guard let bootstrap = node["bootstrap"] else {
            throw ConfigurationError(path: "tables[\(number)].bootstrap", "is missing")
        }
        let read = try ResourceDocument(bootstrap, file: "table \(number)").bootstrap()
        mesh = try Mesh(
            MeshConfiguration(
                outboundTrafficPolicy: .registryOnly,
                catchAllListener: "table",
                // Envoy limits retries by the cluster's threshold alone.
                retryBudget: nil,
                requestHeaderTrust: node["trusts"]?.isTrue == true ? .trusted : .untrusted,
                runtime: runtime,
                observers: [LedgerObserver()]
            ),
            clock: clock,
            random: MeshRandom(seed: UInt64(number) + 1)
        )
        try mesh.apply(read.resource)
        stack = OutboundStack(
            mesh: mesh,
            leaf: ScriptedNetwork(topology: topology, clock: clock, ledgers: ledgers)
        )
        self.ledgers = ledgers
        ignored = read.ignored.map { "\($0)" }
    }

    /// Asks a case.
    func outcome(of asked: RoutingCase) async -> Outcome {
        let ledger = ledgers[String(asked.number)]
        var context = mesh.makeContext()
        context.observation = ledger
        for (namespace, values) in asked.metadata { context.noteMetadata(values, of: namespace) }
        do {
            return try await stack.withResponse(to: asked.request, context: &context) { response in
                Outcome(number: asked.number, status: response.statusCode, fields: response.fields, ledger: ledger)
            }
        } catch {
            let error =
                error as? MeshError
                ?? MeshError(.cancelled, origin: .downstream, message: "unexpected: \(error)")
            // What the caller of a proxy would see: gRPC's gets a status of its own.
            let reply = error.localReply ?? LocalReply(status: error.code.httpStatus).adapted(to: asked.request)
            var fields = reply.headers.map { ($0.name, $0.value) }
            // As adapters do.
            if !reply.body.isEmpty, !fields.contains(where: { $0.0 == "content-type" }) {
                fields.append(("content-type", "text/plain"))
            }
            return Outcome(
                number: asked.number,
                status: reply.status,
                fields: fields,
                body: error.localReply?.body,
                error: error,
                ledger: ledger
            )
        }
    }
}
