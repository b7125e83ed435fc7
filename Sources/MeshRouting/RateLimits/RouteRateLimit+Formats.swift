// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension HeaderFormat {
    /// The text for a request that has no response yet.
    /// - Parameter facts: What is known besides the head; asked for only if an operator needs it.
    public func text(for request: some RequestHead, facts: () -> FormatFacts) -> String {
        text(facts: facts, field: { $0.value(in: request) })
    }
}

extension [RouteRateLimit] {
    /// What a request is counted under: a descriptor for each limit that has one.
    /// - Parameters:
    ///   - facts: What is known besides the head.
    ///   - formats: What formats may ask for; evaluated only if one does.
    public func descriptors(
        for request: some RequestHead,
        facts: RateLimitFacts,
        formats: () -> FormatFacts
    ) -> [RateLimitDescriptor] {
        compactMap { limit in
            guard limit.isEnabled(facts.routing) else { return nil }
            return limit.descriptor(for: request, facts: facts) { $0.text(for: request, facts: formats) }
        }
    }
}
