// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension Endpoint {
    /// Its addresses: the one that it is known by, and behind it those that connections may be made to as well.
    var addressSummary: String {
        guard !additionalAddresses.isEmpty else { return "\(address)" }
        return "\(address) (or \(additionalAddresses.map(\.description).joined(separator: ", ")))"
    }
}
