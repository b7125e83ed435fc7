// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore
import Synchronization

/// Where the attempts of one request are that run beside each other, so that each goes to another endpoint.
///
/// Each attempt has its own copy of the context and all of them refer to this one list. An endpoint stays in it when its
/// attempt ends: it was too slow or has failed.
package final class EndpointsInUse: Sendable {
    private let picked = Mutex<[EndpointAddress]>([])

    package init() {}

    /// The endpoints that attempts went to, in the order in which they were picked.
    package var addresses: [EndpointAddress] { picked.withLock { $0 } }

    /// An attempt goes to an endpoint.
    package func note(_ address: EndpointAddress) {
        picked.withLock { $0.append(address) }
    }
}

extension CallContext {
    /// The endpoints that an attempt is kept from as long as there is another: those of the attempts before it and of
    /// those beside it.
    package var avoidedEndpoints: [EndpointAddress] {
        guard let list = endpointsInUse as? EndpointsInUse else { return attemptedEndpoints }
        return attemptedEndpoints + list.addresses
    }

    /// Tells the attempts beside this one where it goes.
    package func noteEndpoint(_ address: EndpointAddress) {
        guard let endpointsInUse else { return }
        (endpointsInUse as? EndpointsInUse)?.note(address)
    }
}
