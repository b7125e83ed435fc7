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

    /// Endpoints that go by these keys.
    init(keys: [String]) {
        endpoints = keys.enumerated().map { number, key in
            EndpointState(
                Endpoint(address: EndpointAddress(host: "e", port: UInt16(number + 1))),
                hashKey: key
            )
        }
    }

    init(count: Int) { self.init(weights: Array(repeating: 1, count: count)) }

    func address(_ number: Int) -> EndpointAddress { endpoints[number].endpoint.address }

    func eject(_ number: Int) {
        endpoints[number].ejectedUntil.store(now.nanoseconds + 1, ordering: .relaxed)
    }

    /// The numbers of the endpoints that are picked in turn.
    func picks(_ picker: any EndpointPicker, _ count: Int, excluding: [EndpointAddress] = []) -> [Int] {
        (0..<count).compactMap { _ in pick(picker, nil, excluding: excluding) }
    }

    /// The number of the endpoint that is picked for a hash.
    func pick(_ picker: any EndpointPicker, _ hash: UInt64?, excluding: [EndpointAddress] = []) -> Int? {
        let endpoint = picker.pick(for: PickRequest(at: now, excluding: excluding, hash: hash))
        return endpoint.flatMap { picked in endpoints.firstIndex { $0 === picked } }
    }

    /// How often each endpoint is picked.
    func counts(_ picker: any EndpointPicker, _ count: Int, excluding: [EndpointAddress] = []) -> [Int] {
        picks(picker, count, excluding: excluding).reduce(into: Array(repeating: 0, count: endpoints.count)) {
            $0[$1] += 1
        }
    }
}
