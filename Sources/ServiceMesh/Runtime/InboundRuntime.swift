// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshSecurity

/// An inbound listener in the form that requests use.
final class InboundRuntime: Sendable {
    let listener: Listener
    let engine: AuthorizationEngine
    let fault: FaultConfiguration?
    let rateLimiter: RateLimiter?
    /// Whether peers must prove an identity.
    let requiresIdentity: Bool

    init(listener: Listener, rateLimiter: RateLimiter?) {
        self.listener = listener
        self.rateLimiter = rateLimiter
        self.engine = AuthorizationEngine(
            listener.filters.compactMap { if case .authorization(let rules) = $0 { rules } else { nil } }
        )
        self.fault = listener.fault
        if case .inbound(_, .mutualTLS) = listener.direction {
            requiresIdentity = true
        } else {
            requiresIdentity = false
        }
    }
}

extension Listener {
    /// The faults of the listener's own filter.
    var fault: FaultConfiguration? {
        filters.lazy.compactMap { if case .fault(let fault) = $0 { fault } else { nil } }.first
    }

    /// The rate limit of the listener's own filter.
    var rateLimit: RateLimitConfiguration? {
        filters.lazy.compactMap { if case .rateLimit(let limit) = $0 { limit } else { nil } }.first
    }
}
