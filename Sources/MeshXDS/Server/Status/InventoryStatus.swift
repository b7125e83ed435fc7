// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore

/// What a server's clients have, in the words of the client status discovery service.
struct InventoryStatus {
    /// The most bytes of an answer, with all contents: some 100 000 resources. Who wants more asks for less at once.
    static let maximumBytes = 64 << 20
    /// The most conditions on nodes in a question.
    static let maximumMatchers = 100

    let inventory: ClientInventory

    /// Answers a question: about all clients, or about those that one of its conditions holds of.
    /// - Throws: INVALID_ARGUMENT with everything that is wrong with a condition; RESOURCE_EXHAUSTED if the answer would be
    ///   too long.
    func answer(
        _ question: Envoy_Service_Status_V3_ClientStatusRequest
    ) throws(RPCError) -> Envoy_Service_Status_V3_ClientStatusResponse {
        let matchers = try Self.matchers(question.nodeMatchers)
        var response = Envoy_Service_Status_V3_ClientStatusResponse()
        var size = 0
        for client in inventory.clients {
            guard matchers.isEmpty || matchers.contains(where: { $0.matches(client.node) }) else { continue }
            let config = Envoy_Service_Status_V3_ClientConfig(client, withContents: !question.excludeResourceContents)
            size += config.approximateSize
            guard size <= Self.maximumBytes else {
                let limit = "an answer has at most \(Self.maximumBytes >> 20) MiB"
                throw RPCError(
                    code: .resourceExhausted,
                    message: "\(limit): ask for fewer clients (node_matchers) or without contents"
                )
            }
            response.config.append(config)
        }
        return response
    }

    private static func matchers(_ messages: [Envoy_Type_Matcher_V3_NodeMatcher]) throws(RPCError) -> [NodeMatcher] {
        guard messages.count <= maximumMatchers else {
            throw RPCError(code: .invalidArgument, message: "node_matchers has more than \(maximumMatchers) elements")
        }
        var context = DecodingContext(registry: .standard)
        var matchers: [NodeMatcher] = []
        for (position, message) in messages.enumerated() {
            let path = FieldPath.root["node_matchers", position]
            if let matcher = NodeMatcher(message, at: path, &context) { matchers.append(matcher) }
        }
        // A condition that is left out would tell of clients that nobody asked for.
        let problems = context.problems.map(\.description) + context.ignored.map(\.description)
        guard problems.isEmpty else {
            throw RPCError(code: .invalidArgument, message: problems.joined(separator: ", "))
        }
        return matchers
    }
}
