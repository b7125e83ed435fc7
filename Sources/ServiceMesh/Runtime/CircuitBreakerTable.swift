// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Synchronization

/// The circuit breakers of a cluster's endpoints, apart from the rest of its live state: a push that changes how
/// outliers are detected leaves them alone.
///
/// Requests do not ask it: they find their slot in the `EndpointBreakers` of the configuration that decides them.
final class CircuitBreakerTable: Sendable {
    private let byAddress = Mutex<[EndpointAddress: BreakerSlot]>([:])

    /// The slot of an address, if the cluster has it.
    subscript(_ address: EndpointAddress) -> BreakerSlot? {
        byAddress.withLock { $0[address] }
    }

    /// The cluster has these endpoints now: the slots of their addresses stay, others go and new ones come.
    func endpointsChanged(_ endpoints: [EndpointState]) {
        byAddress.withLock { slots in
            let known = slots
            slots = [:]
            for endpoint in endpoints {
                let address = endpoint.endpoint.address
                if let slot = known[address] {
                    slot.concerned.endpoint = endpoint
                    slots[address] = slot
                } else {
                    slots[address] = slots[address] ?? BreakerSlot(endpoint)
                }
            }
        }
    }
}
