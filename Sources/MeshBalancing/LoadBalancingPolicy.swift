// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Makes pickers from endpoints: the configuration of a way to balance.
///
/// An implementer is a value that can be compared, so that a push can tell whether it changed. `makePicker` is called
/// off the request path, whenever the endpoints change; it may be expensive, and must not wait. To add a policy, write
/// a type that conforms and register its decoder; no switch is edited.
public protocol LoadBalancingPolicy: Hashable, Sendable {
    /// The policy's name, as configuration and `explain` show it.
    var name: String { get }

    /// Makes a picker over endpoints that stay the same for the picker's life.
    func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker
}

/// Picks an endpoint for a request: immutable, called on the request path from any thread, takes no lock.
public protocol EndpointPicker: Sendable {
    /// Picks an endpoint that may be used at `now`.
    ///
    /// - Parameters:
    ///   - now: The current instant, by which ejections are judged.
    ///   - excluded: Endpoints that were tried already; they are picked only if there is no other.
    /// - Returns: `nil` if there is no endpoint that may be used.
    func pick(at now: MeshInstant, excluding excluded: [EndpointAddress]) -> EndpointState?
}
