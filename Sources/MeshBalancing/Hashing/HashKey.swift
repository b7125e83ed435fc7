// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// By what an endpoint is known to consistent balancers: whatever stays the same gets the same keys.
public enum HashKey: Hashable, Sendable {
    /// Its address, `host:port`.
    case address
    /// The host name that it serves, or its address if it has none (`use_hostname_for_hashing`).
    case hostname

    /// The key of an endpoint; one that its control plane gave it (`envoy.lb`, `hash_key`) comes before all others.
    func text(of state: EndpointState) -> String {
        if !state.hashKey.isEmpty { return state.hashKey }
        switch self {
        case .hostname where !state.endpoint.hostname.isEmpty: return state.endpoint.hostname
        case .hostname, .address:
            let address = state.endpoint.address
            // Envoy knows a Unix domain socket by its path alone.
            return address.port == nil ? address.host : address.description
        }
    }
}

extension HashKey {
    /// What consistent balancers have in common, in words behind others; nothing where it is the default.
    static func summary(_ key: HashKey, balanceFactor: UInt32?) -> String {
        let bound = balanceFactor.map { ", at most \($0)% of the average load" } ?? ""
        return (key == .hostname ? ", by host name" : "") + bound
    }
}
