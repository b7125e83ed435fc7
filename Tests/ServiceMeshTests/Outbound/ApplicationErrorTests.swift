// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import ServiceMesh
import Testing

/// What an application throws while it reads a response.
@Suite struct ApplicationErrorTests {
    private struct NotFound: Error {}

    private static func upstream(_ port: UInt16) -> MeshError {
        var error = MeshError(.connectionClosed, origin: .upstream, requestState: .answered, message: "cut off")
        error.endpoint = Given.address(port)
        return error
    }

    private func record(_ error: any Error, status: Int = 200) async throws -> (AttemptRecord?, RequestRecord?) {
        let fixture = try MeshFixture(Given.simple(ports: [1])) { _, _ in .status(status) }
        var context = fixture.mesh.makeContext()
        _ = try? await fixture.stack.withResponse(to: InMemoryRequest(), context: &context) { _ in throw error }
        #expect(fixture.isAtRest)
        return (fixture.observer.attempts.first, fixture.observer.requests.first)
    }

    @Test func `an error of its own says nothing of the endpoint, whose answer counts as it was`() async throws {
        let (attempt, request) = try await record(NotFound(), status: 404)
        #expect(attempt?.outcome == .success && attempt?.status == 404 && attempt?.error == nil)
        #expect(request?.status == 404 && request?.flags == [])
        let (failed, _) = try await record(NotFound(), status: 503)
        #expect(failed?.outcome == .failure)
    }

    @Test func `an error of a call that it made meanwhile counts for that call's endpoint only`() async throws {
        let (other, _) = try await record(Self.upstream(2))
        #expect(other?.outcome == .success)
        let (own, request) = try await record(Self.upstream(1))
        #expect(own?.outcome == .failure)
        #expect(request?.flags == [.upstreamConnectionTermination])
    }

    @Test func `giving up is neither`() async throws {
        let (attempt, request) = try await record(CancellationError())
        #expect(attempt?.outcome == .ignored)
        #expect(request?.flags == [.downstreamConnectionTermination])
    }
}
