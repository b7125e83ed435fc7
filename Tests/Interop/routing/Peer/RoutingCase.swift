// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS

/// A case as it comes from the generator: a request to one of the tables.
struct RoutingCase: Sendable {
    var number: Int
    var table: Int
    var request: WireRequest
    /// What filters would have noted, by their namespace.
    var metadata: [String: [String: MeshCore.MetadataValue]]

    init(_ line: String) throws {
        let root = try ResourceDocument(json: line).root
        number = root["id"]?.number ?? -1
        table = root["table"]?.number ?? -1
        request = WireRequest(
            method: root["method"]?.text ?? "GET",
            scheme: root["scheme"]?.text,
            authority: root["authority"]?.text,
            path: root["path"]?.text ?? "/",
            fields: root["headers"]?.elements.map { pair in
                // A codec takes the white space away around values.
                (HeaderName(pair.elements.first?.text ?? ""), (pair.elements.last?.text ?? "").trimmed)
            } ?? []
        )
        metadata = [:]
        for namespace in root["metadata"]?.members ?? [] {
            for (key, node) in namespace.value.members {
                switch node.value {
                case .text(let text): metadata[namespace.name, default: [:]][key] = .text(text)
                case .number(let text): metadata[namespace.name, default: [:]][key] = .number(Double(text) ?? 0)
                default: break
                }
            }
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let front = drop(while: isSpace)
        return front.lastIndex { !isSpace($0) }.map { String(front[...$0]) } ?? ""
    }
}
