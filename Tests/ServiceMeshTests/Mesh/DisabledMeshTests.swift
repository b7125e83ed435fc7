// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshTesting
import ServiceMesh
import Testing

@Suite struct DisabledMeshTests {
    /// Never delivers, as a control plane that is broken.
    private struct SilentSource: ConfigSource {
        let name = "silent"

        func run(delivering sink: ConfigSink) async throws {
            Issue.record("a disabled mesh asks no source")
        }
    }

    private struct Stamping: Middleware {
        func intercept(
            _ request: InMemoryRequest,
            context: inout CallContext,
            next: Next<InMemoryRequest, InMemoryResponse>
        ) async throws -> InMemoryResponse {
            var request = request
            request.headers.append((name: "authorization", value: "Bearer t"))
            return try await next(request, context: &context)
        }
    }

    @Test func `it is ready without any configuration, asks no source and runs until it is cancelled`() async throws {
        let mesh = try Mesh(
            MeshConfiguration(isDisabled: true),
            sources: [SilentSource()],
            clock: ManualClock()
        )
        try await mesh.ready(timeout: .seconds(30))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) { try await mesh.run() }
            }
            group.cancelAll()
        }
    }

    @Test func `the application's own middleware goes on working`() async throws {
        let fixture = try MeshFixture(
            Given.simple(),
            isDisabled: true,
            requestMiddleware: [Stamping()],
            attemptMiddleware: [Stamping()]
        )
        #expect(await fixture.send(InMemoryRequest(authority: "reviews:9080")).value == 200)
        let sent = fixture.network.sent
        #expect(sent.map(\.endpoint) == [EndpointAddress(host: "reviews", port: 9080)])
        #expect(sent.first?.request.value(of: "authorization") == "Bearer t,Bearer t")
        #expect(fixture.contract.violations.isEmpty)
    }
}
