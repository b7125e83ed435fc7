// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension Outcome {
    /// What the caller of a proxy would see of an error: gRPC's gets a status of its own.
    init(of error: any Error, to asked: RoutingCase, _ ledger: CaseLedger) {
        let error =
            error as? MeshError
            ?? MeshError(.cancelled, origin: .downstream, message: "unexpected: \(error)")
        let reply = error.localReply ?? LocalReply(status: error.code.httpStatus).adapted(to: asked.request)
        var fields = reply.headers.map { ($0.name, $0.value) }
        // As adapters do.
        if !reply.body.isEmpty, !fields.contains(where: { $0.0 == "content-type" }) {
            fields.append(("content-type", "text/plain"))
        }
        self.init(
            number: asked.number,
            status: reply.status,
            fields: fields,
            body: error.localReply?.body,
            error: error,
            ledger: ledger
        )
    }
}
