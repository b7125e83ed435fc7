// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The faults that one request gets.
public struct FaultDecision: Hashable, Sendable {
    /// How long it is held back.
    public var delay: Nanoseconds?
    /// The status that it is aborted with.
    public var abort: Int?

    /// Draws the faults of a request: first for the delay, then for the abort, independently, as Envoy does.
    public init(_ configuration: FaultConfiguration, for request: some RequestHead, using random: MeshRandom) {
        guard configuration.headers.allSatisfy({ $0.matches(request) }) else { return }
        if let delay = configuration.delay, delay.percentage.contains(random.next()) { self.delay = delay.duration }
        if let abort = configuration.abort, abort.percentage.contains(random.next()) { self.abort = abort.status }
    }
}
