// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh

/// The client of applications over everything that the mesh does by default and all that it can be told to do.
struct MeshLoad: LoadClient, LoadWorker {
    private let plan: LoadPlan
    private let client: MeshHTTPClient

    /// Over our own transport.
    static func run(
        _ plan: LoadPlan,
        _ version: ConnectionOptions.HTTPVersion,
        isOnLoop: Bool
    ) async throws -> LoadReport {
        let transport = TransportLoad.makeTransport()
        let report = try await run(plan, version, over: transport, on: isOnLoop ? transport.executors.next() : nil)
        await transport.shutdown()
        return report
    }

    static func run(
        _ plan: LoadPlan,
        _ version: ConnectionOptions.HTTPVersion,
        security: Cluster.UpstreamSecurity = .plaintext,
        over transport: any Transport<OutboundRequest, OutboundResponse>,
        on executor: (any TaskExecutor)?
    ) async throws -> LoadReport {
        let mesh = try BenchmarkMesh.make(plan, version, security)
        let load = Self(plan: plan, client: MeshHTTPClient(mesh: mesh, transport: transport))
        return try await withThrowingTaskGroup(of: LoadReport?.self) { group in
            // What goes on behind the requests goes on here as well.
            group.addTask {
                try? await mesh.run()
                return nil
            }
            group.addTask { try await ClosedLoop(plan: plan).run(load, on: executor) }
            defer { group.cancelAll() }
            while let report = try await group.next() {
                if let report { return report }
            }
            throw LoadError("the mesh ended before the load")
        }
    }

    func exchange() async throws -> Int {
        let request = RequestFields.request(authority: BenchmarkMesh.authority, path: plan.path)
        let (response, body) = try await client.execute(request)
        guard response.status.code == 200 else { throw LoadError("the answer was \(response.status)") }
        return body.readableBytes
    }
}
