// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import ServiceMesh

/// Fetches key sets on connections of a transport: from the cluster that a provider names, or from the address's own host
/// as any request of the process would go there.
final class HTTPKeySetFetcher: KeySetFetcher {
    let calls: ClusterCalls<HTTPTransport>
    private let stack: HTTPStack

    init(mesh: Mesh, transport: HTTPTransport, stack: HTTPStack) {
        self.calls = ClusterCalls(mesh: mesh, leaf: transport)
        self.stack = stack
    }

    func document(
        at uri: String,
        cluster: String,
        timeout: Nanoseconds,
        maximumBytes: Int
    ) async throws -> [UInt8] {
        let request = OutboundRequest(
            try HTTPRequest(
                .get,
                absolute: uri,
                headerFields: [.accept: "application/json", .userAgent: Self.userAgent]
            )
        )
        guard cluster.isEmpty else {
            return try await calls.withResponse(to: request, cluster: cluster, timeout: timeout) { response in
                try await Self.document(in: response, maximumBytes)
            }
        }
        var context = stack.makeContext(timeout: timeout.duration)
        switch try await stack.open(request, context: &context) {
        case .reply(let response): return try await Self.document(in: response, maximumBytes)
        case .exchange(let response):
            do {
                let text = try await Self.document(in: response, maximumBytes)
                stack.finish(&context, .completed)
                return text
            } catch {
                stack.finish(&context, ExchangeEnding(error: error))
                throw error
            }
        }
    }

    private static let userAgent = "swift-service-mesh"

    private static func document(in response: OutboundResponse, _ maximumBytes: Int) async throws -> [UInt8] {
        guard response.statusCode == 200 else {
            throw MeshError(
                .connectionFailed,
                origin: .upstream,
                message: "the key set's server answered with \(response.statusCode)"
            )
        }
        return Array(try await response.body.collect(upTo: maximumBytes).readableBytesView)
    }
}
