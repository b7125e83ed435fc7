// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension Cluster {
    /// Takes TLS by files, or by the system's roots.
    /// - Parameter host: The service's host, which the server must prove to be unless names are given, and which is asked
    ///   for unless another name is (Istio's `VERIFY_CERTIFICATE_AT_CLIENT` and automatic server names).
    mutating func apply(_ tls: TrafficPolicy.FileTLS, host: String) {
        secrets = tls.secrets
        serverName = tls.serverName ?? (Cluster.isServerName(host) ? host : nil)
        guard !tls.skipsVerification else { return }
        if tls.names.isEmpty {
            // By the system's roots, the library compares the name by itself.
            guard tls.roots != nil, let serverName else { return }
            peerNames = [PeerNameMatcher(.dns, StringMatcher(.exact(serverName)))]
        } else {
            peerNames = tls.names.sorted().map { PeerNameMatcher(nil, StringMatcher(.exact($0))) }
        }
    }
}
