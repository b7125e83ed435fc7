// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshHTTP
import MeshIdentity

extension MeshLoad {
    /// Over our own transport, by mutual TLS with the server itself.
    static func runOverMutualTLS(_ plan: LoadPlan, isOnLoop: Bool) async throws -> LoadReport {
        guard let certificates = plan.certificates else { throw LoadError("there is no folder with an authority") }
        let identity = try await BenchmarkAuthority(in: certificates).identity(BenchmarkAuthority.client)
        let transport = TransportLoad.makeTransport(mutualTLS: ClientTLS { try identity.makeClientHandler(to: $0) })
        let report = try await run(
            plan,
            .http1,
            security: .mutualTLS(acceptedIdentities: [BenchmarkAuthority.server]),
            over: transport,
            on: isOnLoop ? transport.executors.next() : nil
        )
        await transport.shutdown()
        return report
    }
}
