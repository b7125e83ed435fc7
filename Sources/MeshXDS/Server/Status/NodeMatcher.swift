// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

/// Decides whether a client is meant (`envoy.type.matcher.v3.NodeMatcher`): all of its conditions must hold.
struct NodeMatcher {
    private static let read = ReadFields(Envoy_Type_Matcher_V3_NodeMatcher.self, "node_id", "node_metadatas")
    private static let readMetadata = ReadFields(Envoy_Type_Matcher_V3_StructMatcher.self, "path", "value")
    /// Conditions on metadata begin with a namespace. A node's has none, and so gets one.
    private static let namespace = "node"

    private var id: StringMatcher?
    private var metadata: [MetadataMatcher] = []

    /// Decodes a matcher.
    /// - Returns: `nil`, with a problem, if it is bad or has a condition that is not known.
    init?(_ message: Envoy_Type_Matcher_V3_NodeMatcher, at path: FieldPath, _ context: inout DecodingContext) {
        guard !context.rejectOthers(in: message, at: path, read: Self.read) else { return nil }
        if message.hasNodeID {
            guard let id = StringMatcher(message.nodeID, at: path["node_id"], &context) else { return nil }
            self.id = id
        }
        for (position, condition) in message.nodeMetadatas.enumerated() {
            let path = path["node_metadatas", position]
            guard !context.rejectOthers(in: condition, at: path, read: Self.readMetadata) else { return nil }
            let keys = condition.path.map(\.key)
            guard !keys.isEmpty, !keys.contains("") else {
                context.reject(path["path"], "is empty, or has an empty key")
                return nil
            }
            let value = MetadataMatcher.Condition(condition.value, at: path["value"], &context)
            guard let value else { return nil }
            metadata.append(MetadataMatcher(filter: Self.namespace, path: keys, value))
        }
    }

    /// Whether a node is meant.
    func matches(_ node: XDSNode) -> Bool {
        if let id, !id.matches(node.id) { return false }
        guard !metadata.isEmpty else { return true }
        let fields = [Self.namespace: MetadataValue.fields(node.metadata)]
        return metadata.allSatisfy { $0.matches(fields) }
    }
}
