// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import MeshAsyncHTTPClient
import MeshCore
import MeshHTTP
import NIOPosix

extension MeshLoad {
    /// Over AsyncHTTPClient, made as the bare one is, and whose callers are ordinary tasks.
    static func runOverAsyncHTTPClient(_ plan: LoadPlan) async throws -> LoadReport {
        let transport = AsyncHTTPClientTransport(
            .init(
                client: AsyncHTTPClientLoad.configuration(plan),
                eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1)
            )
        )
        let report = try await run(plan, .http1, over: transport, on: nil)
        try await transport.shutdown()
        return report
    }
}
