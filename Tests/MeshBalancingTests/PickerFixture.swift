// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Synchronization

/// Endpoints named by their port, and who was picked how often.
struct PickerFixture {
    let now = MeshInstant(nanoseconds: 1_000_000_000)
    let endpoints: [EndpointState]

    init(weights: [UInt32]) {
        endpoints = weights.enumerated().map { number, weight in
            EndpointState(Endpoint(address: EndpointAddress(host: "e", port: UInt16(number + 1))), weight: weight)
        }
    }

    init(count: Int) { self.init(weights: Array(repeating: 1, count: count)) }

    func address(_ number: Int) -> EndpointAddress { endpoints[number].endpoint.address }

    func eject(_ number: Int) {
        endpoints[number].ejectedUntil.store(now.nanoseconds + 1, ordering: .relaxed)
    }

    /// The numbers of the endpoints that are picked in turn.
    func picks(_ picker: any EndpointPicker, _ count: Int, excluding: [EndpointAddress] = []) -> [Int] {
        (0..<count).compactMap { _ in
            picker.pick(at: now, excluding: excluding)?.endpoint.address.port.map { Int($0) - 1 }
        }
    }

    /// How often each endpoint is picked.
    func counts(_ picker: any EndpointPicker, _ count: Int, excluding: [EndpointAddress] = []) -> [Int] {
        picks(picker, count, excluding: excluding).reduce(into: Array(repeating: 0, count: endpoints.count)) {
            $0[$1] += 1
        }
    }
}
