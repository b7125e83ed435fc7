// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests

/// A client on the command line: `namespace` or `namespace/label=value,…`.
struct ClientOption {
    /// The client.
    let node: Node

    /// Reads a client.
    init(_ text: String) throws(InputError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let namespace = parts.first, !namespace.isEmpty else {
            throw InputError("a client must be NAMESPACE or NAMESPACE/LABEL=VALUE,…, is \"\(text)\"")
        }
        node = Node(namespace: String(namespace), labels: parts.count == 2 ? try Self.labels(parts[1]) : nil)
    }

    /// Reads labels: `app=reviews,version=v1`.
    static func labels(_ text: Substring) throws(InputError) -> [String: String] {
        var labels: [String: String] = [:]
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw InputError("a label must be NAME=VALUE, is \"\(pair)\"")
            }
            labels[String(parts[0])] = String(parts[1])
        }
        return labels
    }
}
