// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS
import ServiceMesh

/// A table whose requests are counted by the endpoint that they go to. `compare_balancing.py` describes what it is asked.
struct CountedTable {
    private let mesh: Mesh
    private let stack: OutboundStack<AnsweringNetwork>

    init(_ table: ConfiguredTable) {
        mesh = table.mesh
        stack = OutboundStack(mesh: mesh, leaf: AnsweringNetwork())
    }

    /// Sends the requests of an order, one after another.
    /// - Parameter order: `{"path": target, "count": how many}`, or `{"path": target, "keys": how many}` for requests each with a
    ///   key of its own.
    /// - Returns: A list of the endpoints, in order; what failed is told by its flag.
    func endpoints(of order: String) async throws -> String {
        let root = try ResourceDocument(json: order).root
        let path = root["path"]?.text ?? "/"
        let keys = root["keys"]?.number
        var endpoints: [String] = []
        for number in 0..<(keys ?? root["count"]?.number ?? 0) {
            var request = WireRequest(method: "GET", scheme: "http", authority: "any.test", path: path, fields: [])
            if keys != nil { request.fields = [("x-key", "key-\(number)")] }
            endpoints.append(await endpoint(of: request))
        }
        var text = JSONText()
        text.list { list in
            for endpoint in endpoints { list.string(endpoint) }
        }
        return text.text
    }

    private func endpoint(of request: WireRequest) async -> String {
        var context = mesh.makeContext()
        do {
            return try await stack.withResponse(to: request, context: &context) { $0.value(of: "x-endpoint") ?? "" }
        } catch {
            return (error as? MeshError)?.shortCode ?? "\(error)"
        }
    }
}

/// A network in memory that says which endpoint a request went to.
private struct AnsweringNetwork: Transport {
    func send(_ request: WireRequest, context: inout CallContext) async throws -> WireResponse {
        context.requestState = .answered
        context.openExchanges += 1
        let endpoint = context.endpoint?.address.description ?? ""
        return WireResponse(statusCode: 200, fields: [("x-endpoint", endpoint)])
    }

    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        context.openExchanges -= 1
    }
}
