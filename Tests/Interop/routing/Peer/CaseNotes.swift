// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP

/// Notes on each request what filters would have noted, and who keeps its record: where applications do so, too.
struct CaseNotes: Middleware {
    private let metadata: [String: [String: [String: MetadataValue]]]
    private let ledgers: CaseLedgers

    init(_ cases: [RoutingCase], ledgers: CaseLedgers) {
        metadata = cases.reduce(into: [:]) { found, asked in found[String(asked.number)] = asked.metadata }
        self.ledgers = ledgers
    }

    func intercept(
        _ request: OutboundRequest,
        context: inout CallContext,
        next: Next<OutboundRequest, OutboundResponse>
    ) async throws -> OutboundResponse {
        if let number = request.value(of: "x-case") {
            context.observation = ledgers[number]
            for (namespace, values) in metadata[number] ?? [:] { context.noteMetadata(values, of: namespace) }
        }
        return try await next(request, context: &context)
    }
}
