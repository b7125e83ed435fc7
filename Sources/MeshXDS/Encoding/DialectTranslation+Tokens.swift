// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshSecurity

extension DialectTranslation {
    /// A JWT filter as a client takes it: Envoy fetches keys from clusters only.
    mutating func translated(_ filter: JWTFilter, _ path: String) -> JWTFilter {
        guard dialect == .envoy else { return filter }
        var filter = filter
        for position in filter.providers.indices {
            guard case .remote(var remote) = filter.providers[position].keys, remote.cluster.isEmpty else { continue }
            // Istio's name for it. Where there is no such cluster, its tokens are refused, and nothing passes that must not.
            remote.cluster = remote.istioCluster
            filter.providers[position].keys = .remote(remote)
            if resources.clusters[remote.cluster] == nil {
                report(
                    "\(path).providers[\(filter.providers[position].name)]",
                    "Envoy clients fetch keys from clusters only, and there is no cluster \(remote.cluster)"
                )
            }
        }
        return filter
    }
}

extension RemoteKeys {
    /// The cluster that Istio would have for the address's host.
    fileprivate var istioCluster: String {
        let isSecure = uri.utf8.starts(with: "https://".utf8)
        let rest = uri.dropFirst(isSecure ? "https://".count : "http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let parts = authority.split(separator: ":", maxSplits: 1)
        let port = parts.count == 2 ? String(parts[1]) : isSecure ? "443" : "80"
        return "outbound|\(port)||\(parts.first ?? authority)"
    }
}
