// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS
import ServiceMesh
import Synchronization

/// A mesh whose requests are counted by the endpoint that they go to. `compare_balancing.py` and `grpc_sides.py` say
/// what it is asked.
struct CountedTable {
    private let mesh: Mesh
    private let network: AnsweringNetwork
    private let stack: OutboundStack<AnsweringNetwork>

    init(_ mesh: Mesh) {
        self.mesh = mesh
        network = AnsweringNetwork()
        stack = OutboundStack(mesh: mesh, leaf: network)
    }

    /// Sends the requests of an order, one after another.
    /// - Parameter order: `{"path": target, "count": how many}`, `{"path": target, "keys": how many}` for requests each
    ///   with a key of its own, or `{"path": target, "headers": [[[name, value]]]}` for one with each list of headers.
    ///   `"failing": {address: status}` are the endpoints that fail from now on, 0 for those that refuse connections.
    /// - Returns: A list of the endpoints, in order; what failed without an answer is told by its flag.
    func endpoints(of order: String) async throws -> String {
        let root = try ResourceDocument(json: order).root
        let path = root["path"]?.text ?? "/"
        if let failing = root["failing"] {
            network.fail(failing.members.reduce(into: [:]) { $0[$1.name] = $1.value.number })
        }
        var endpoints: [String] = []
        for fields in Self.headers(of: root) {
            let request = WireRequest(
                method: "GET",
                scheme: "http",
                authority: "any.test",
                path: path,
                fields: fields
            )
            endpoints.append(await endpoint(of: request))
        }
        var text = JSONText()
        text.list { list in
            for endpoint in endpoints { list.string(endpoint) }
        }
        return text.text
    }

    private static func headers(of order: DocumentNode) -> [[(name: HeaderName, value: String)]] {
        if let headers = order["headers"] {
            return headers.elements.map { list in
                list.elements.map { pair in
                    (HeaderName(pair.elements.first?.text ?? ""), pair.elements.last?.text ?? "")
                }
            }
        }
        if let keys = order["keys"]?.number { return (0..<keys).map { [("x-key", "key-\($0)")] } }
        return Array(repeating: [], count: order["count"]?.number ?? 0)
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

/// A network in memory that says which endpoint a request went to, and whose endpoints fail on demand.
private final class AnsweringNetwork: Transport {
    private let failing = Mutex<[String: Int]>([:])

    /// The endpoints that fail from now on, with the status of each; 0 for those that refuse connections.
    func fail(_ endpoints: [String: Int]) {
        failing.withLock { $0 = endpoints }
    }

    func send(_ request: WireRequest, context: inout CallContext) async throws -> WireResponse {
        let endpoint = context.endpoint?.address.description ?? ""
        let status = failing.withLock { $0[endpoint] } ?? 200
        guard status != 0 else {
            context.requestState = .notSent
            throw MeshError(.connectionFailed, origin: .upstream, message: "connection refused")
        }
        context.requestState = .answered
        context.openExchanges += 1
        return WireResponse(statusCode: status, fields: [("x-endpoint", endpoint)])
    }

    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        context.openExchanges -= 1
    }
}
